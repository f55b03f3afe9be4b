/**
 * Compiles on another thread, so that calls go on meanwhile: reading 10,000 rules takes a second. What comes back is
 * data; expressions are compiled again where they are used.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CompileJob, CompiledData } from './compile-job.ts';

/** How long it may take. */
const compileMsMax = 60_000;
/** Heap of the thread: some hundred times what 10,000 rules weigh. */
const heapMiBMax = 1024;

/** Rejects when the thread dies or takes too long: for want of memory, or by a mistake of ours. */
export async function compileAside(job: CompileJob): Promise<CompiledData> {
  const cache = getCompileCacheDir();
  const thread = new Worker(new URL('./compile-thread.ts', import.meta.url), {
    workerData: job,
    // The compile cache alone: what this process was told is not for it.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    name: 'policy-compiler',
    resourceLimits: { maxOldGenerationSizeMb: heapMiBMax },
  });
  const { promise, resolve, reject } = Promise.withResolvers<CompiledData>();
  thread.once('message', resolve);
  thread.once('error', (error) => reject(new Error('the compiler failed', { cause: error })));
  thread.once('exit', (code) => reject(new Error(`the compiler ended with ${code}`)));
  const timer = setTimeout(
    () => reject(new Error(`compiling took longer than ${compileMsMax} ms`)),
    compileMsMax,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
