/** The thread behind `compileAside`: one job, then it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { runCompileJob } from './compile-job.ts';
import type { CompileJob } from './compile-job.ts';

parentPort?.postMessage(await runCompileJob(workerData as CompileJob), []);
