/** JSON log lines on stdout. Secrets are cut out by path and, for our own keys, by shape. */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type { Logger };

const ownKeyPattern = /spk_([a-z0-9]{4,32})_[A-Za-z0-9_-]{43}/g;

/** What the line of an ordinary request says. */
export const requestMessage = 'request completed';

/** How long lines of ordinary requests may wait for others to be written with, milliseconds. */
const requestLineMsMax = 20;
/** Bytes of them that may wait. */
const requestLineBytesMax = 8 * 1024;

/** `level`: as `SALLYPORT_LOG_LEVEL`. `process`: which of the processes speaks (`api`, `runner`). */
export function createLogger(level: string, processName: string): Logger {
  return pino(
    {
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
    },
    createLineStream(),
  );
}

interface LineStream extends DestinationStream {
  /** Message of the line that is written now; pino sets it for a stream that asks for metadata. */
  lastMsg?: string;
}

/**
 * Standard output, synchronous. A system call for each request would cost as much as its line; so these wait a
 * moment for company. Any other line goes out at once and takes along those that wait.
 */
function createLineStream(): LineStream {
  const out = pino.destination({ fd: 1, sync: true, minLength: requestLineBytesMax });
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    out.flushSync();
  };
  process.once('exit', flush);
  const stream: LineStream = {
    write(line) {
      out.write(line);
      if (stream.lastMsg !== requestMessage) flush();
      else timer ??= setTimeout(flush, requestLineMsMax);
    },
  };
  return Object.assign(stream, { [Symbol.for('pino.metadata')]: true });
}
