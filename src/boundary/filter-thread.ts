/** One large file, filtered on a thread of its own, so that the one that serves HTTP goes on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { createBoundary } from './boundary.ts';
import { checkFile, filterFile } from './filter-file.ts';
import type { CheckedFile, FilteredFile, FileTask } from './filter-file.ts';

function answer({ options, task }: FileTask): CheckedFile | FilteredFile {
  const work = task.direction === 'inbound' ? checkFile : filterFile;
  return work(createBoundary(options), task.file, task.profiles);
}

function serve(port: NonNullable<typeof parentPort>, task: FileTask): void {
  port.postMessage(answer(task));
}

if (parentPort !== null) serve(parentPort, workerData as FileTask);
