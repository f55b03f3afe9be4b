import type { WorkerExit } from './worker-process.ts';

/** A worker, or the runner that they share, ended before it served: its own words are on stderr. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
  /** As the worker ended. */
  readonly exitCode: number;
  constructor(process: 'worker' | 'runner', { code, signal }: WorkerExit) {
    super(`The server did not start: its ${process} ended with ${signal ?? `exit code ${code}`}.`);
    this.exitCode = code === null || code === 0 ? 1 : code;
  }
}
