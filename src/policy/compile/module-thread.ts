/** The thread behind `readModules`: one job, then it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { readModule } from './read-module.ts';

parentPort?.postMessage((workerData as readonly string[]).map(readModule), []);
