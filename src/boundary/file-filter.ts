/**
 * Filters files of any size without holding up who else is served: small ones here and now, large ones on threads, few at
 * once and each with a deadline. What is not filtered to its end is blocked or withheld.
 */
import { Worker } from 'node:worker_threads';
import type { BoundaryProfile, BoundaryReport } from '../model/finding.ts';
import type { OutputArtifact } from './artifacts.ts';
import type { Boundary, BoundaryOptions } from './boundary.ts';
import { checkFile, filterFile } from './filter-file.ts';
import type { CheckedFile, FilteredFile, FileTask } from './filter-file.ts';

/** What takes some 10 ms; starting a thread takes longer. */
const inPlaceBytesMax = 256 * 1024;
const threadsMax = 2;
/** 64 MiB of text take 2.5 s on a machine that is not busy. */
const filterMsMax = 60_000;

export class FileFilter {
  readonly #boundary: Boundary;
  readonly #current: () => BoundaryOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `current`: what a thread makes the same filter of. */
  constructor(boundary: Boundary, current: () => BoundaryOptions) {
    this.#boundary = boundary;
    this.#current = current;
  }

  async check(file: OutputArtifact, profiles: readonly BoundaryProfile[]): Promise<CheckedFile> {
    if (file.data.length <= inPlaceBytesMax) return checkFile(this.#boundary, file, profiles);
    const answer = await this.#onThread({ direction: 'inbound', file, profiles });
    return (answer as CheckedFile | null) ?? { report: unfinished, blocked: true };
  }

  async filter(file: OutputArtifact, profiles: readonly BoundaryProfile[]): Promise<FilteredFile> {
    if (file.data.length <= inPlaceBytesMax) return filterFile(this.#boundary, file, profiles);
    const answer = await this.#onThread({ direction: 'outbound', file, profiles });
    return (answer as FilteredFile | null) ?? { report: unfinished, file: null };
  }

  /** Null when it did not come to its end. */
  async #onThread(task: FileTask['task']): Promise<unknown> {
    if (this.#running === threadsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await runThread({ options: this.#current(), task });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

async function runThread(workerData: FileTask): Promise<unknown> {
  const thread = new Worker(new URL('./filter-thread.ts', import.meta.url), {
    workerData,
    name: 'file-filter',
  });
  const timer = setTimeout(() => void thread.terminate(), filterMsMax);
  try {
    return await new Promise<unknown>((resolve) => {
      thread.once('message', resolve);
      thread.once('error', () => resolve(null));
      thread.once('exit', () => resolve(null));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

const unfinished: BoundaryReport = {
  verdict: 'blocked',
  findings: [
    { detector: 'boundary-failure', action: 'block', where: '', count: 1, confidence: 'high', via: [] },
  ],
  scanned: [],
};
