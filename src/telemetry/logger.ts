/** JSON log lines on stdout. Secrets are cut out by path and, for our own keys, by shape. */
import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger };

const ownKeyPattern = /spk_([a-z0-9]{4,32})_[A-Za-z0-9_-]{43}/g;

/** `level`: as `SALLYPORT_LOG_LEVEL`. `process`: which of the processes speaks (`api`, `runner`). */
export function createLogger(level: string, processName: string): Logger {
  return pino({
    level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: [
        'req.headers.authorization',
        'req.headers.cookie',
        'req.headers["idempotency-key"]',
        'headers.authorization',
      ],
      censor: '[REDACTED]',
    },
    hooks: {
      streamWrite: (line) => line.replace(ownKeyPattern, 'spk_$1_[REDACTED]'),
    },
  });
}
