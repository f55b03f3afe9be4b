/**
 * The real program, with a filter that can be made to fail: what its threads run is `faulty-filter-thread.ts`, and one
 * that is given `please-kill` is ended from outside while it works.
 */
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';
import type { Transferable, WorkerOptions } from 'node:worker_threads';

const faultyThread = new URL('./faulty-filter-thread.ts', import.meta.url);

class FaultyWorker extends workerThreads.Worker {
  readonly #isFilter: boolean;

  constructor(script: string | URL, options?: WorkerOptions) {
    const isFilter = options?.name === 'boundary-filter';
    super(isFilter ? faultyThread : script, options);
    this.#isFilter = isFilter;
  }

  override postMessage(value: unknown, transfer?: readonly Transferable[]): void {
    super.postMessage(value, transfer);
    if (this.#isFilter && asksToBeKilled(value)) void this.terminate();
  }
}

function asksToBeKilled(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('please-kill');
  if (value instanceof Uint8Array) return Buffer.from(value).includes('please-kill');
  return typeof value === 'object' && value !== null && Object.values(value).some(asksToBeKilled);
}

workerThreads.Worker = FaultyWorker;
syncBuiltinESMExports();
await import('../../src/main.ts');
