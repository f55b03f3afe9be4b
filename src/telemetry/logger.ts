/**
 * JSON log lines on stdout. ERROR means that somebody must act, WARN that somebody should know. Lines are filtered
 * (`log-scrubber.ts`), and of one kind only so many are written in a while (`line-budget.ts`).
 */
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { LineSink } from './line-sink.ts';
import { LineBudget } from './line-budget.ts';
import { LogScrubber, hideOwnKeys } from './log-scrubber.ts';

export type { Logger };

/** What the line of a request says. Its fields are few, short, and made by the door alone. */
export const requestMessage = 'request completed';

/** What the line says that stands for others. */
export const linesLeftOut = 'lines left out';

/** How long lines of requests may wait for others to be written with, milliseconds. */
const requestLineMsMax = 20;
/** Bytes of them that may wait. */
const requestLineBytesMax = 3072;
const stdoutFd = 1;
/** Lines with the same words. */
const sameLinesMax = 100;
const sameLinesWindowMs = 10_000;

/** `level`: as `SALLYPORT_LOG_LEVEL`. `process`: which of the processes speaks (`api`, `runner`). */
export function createLogger(level: string, processName: string, scrubber = new LogScrubber()): Logger {
  return pino(
    {
      level,
      base: { process: processName, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    createLineStream(processName, scrubber),
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
function createLineStream(processName: string, scrubber: LogScrubber): LineStream {
  const out = new LineSink(stdoutFd);
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    out.flush();
  };
  const budget = new LineBudget({
    linesMax: sameLinesMax,
    windowMs: sameLinesWindowMs,
    onLeftOut(kind, count) {
      const time = new Date().toISOString();
      const line = { level: 'warn', time, process: processName, pid: process.pid, of: kind, count };
      out.add(scrubber.scrub(JSON.stringify({ ...line, msg: linesLeftOut })));
      flush();
    },
  });
  process.once('exit', () => {
    budget.settle();
    flush();
  });
  const stream: LineStream = {
    write(line) {
      if (stream.lastMsg === requestMessage) {
        out.add(hideOwnKeys(line));
        if (out.waitingBytes >= requestLineBytesMax) flush();
        else timer ??= setTimeout(flush, requestLineMsMax);
        return;
      }
      if (!budget.take(stream.lastMsg ?? '')) return;
      out.add(scrubber.scrub(line));
      flush();
    },
  };
  return Object.assign(stream, { [Symbol.for('pino.metadata')]: true });
}
