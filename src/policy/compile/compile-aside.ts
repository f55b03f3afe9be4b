/**
 * Compiles on another thread, so that calls go on meanwhile: reading 10,000 rules takes a second. What comes back is
 * data; expressions are compiled again where they are used.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { askThread } from './ask-thread.ts';
import type { CompileJob, CompiledData } from './compile-job.ts';

/** How long it may take. */
const compileMsMax = 60_000;
/** Heap of the thread: some hundred times what 10,000 rules weigh. */
const heapMiBMax = 1024;

/** Rejects when the thread dies or takes too long: for want of memory, or by a mistake of ours. */
export async function compileAside(job: CompileJob): Promise<CompiledData> {
  const cache = getCompileCacheDir();
  return askThread({
    script: new URL('./compile-thread.ts', import.meta.url),
    name: 'policy-compiler',
    msMax: compileMsMax,
    workerData: job,
    // The compile cache alone: what this process was told is not for it.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
  });
}
