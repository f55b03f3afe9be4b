import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from 'node:worker_threads';

export interface ThreadJob extends WorkerOptions {
  readonly script: URL;
  readonly name: string;
  readonly msMax: number;
}

/** The one message of a thread that gets `workerData`; it is ended then. Rejects when it dies or takes too long. */
export async function askThread<T>({ script, msMax, ...options }: ThreadJob): Promise<T> {
  const thread = new Worker(script, options);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  thread.once('message', resolve);
  thread.once('error', (error) => reject(new Error(`${options.name} failed`, { cause: error })));
  thread.once('exit', (code) => reject(new Error(`${options.name} ended with ${code}`)));
  const timer = setTimeout(() => reject(new Error(`${options.name} took longer than ${msMax} ms`)), msMax);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
