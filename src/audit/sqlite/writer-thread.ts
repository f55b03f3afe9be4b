/**
 * The writer's thread: SQLite waits for the disk here, so that the thread that serves HTTP does not.
 * What arrived while a commit ran goes into the next one together.
 */
import { receiveMessageOnPort, parentPort, workerData } from 'node:worker_threads';
import { batchWritesMax } from '../write-limits.ts';
import { Committer } from './committer.ts';
import type { SealedWrite, ThreadStart, ToThread } from '../sealed-write.ts';

function serve(port: NonNullable<typeof parentPort>, { file, writer }: ThreadStart): void {
  const committer = new Committer(file, writer);
  port.on('message', (first: ToThread) => {
    const { writes, last } = collect(port, first);
    for (let start = 0; start < writes.length; start += batchWritesMax) {
      const batch = writes.slice(start, start + batchWritesMax);
      port.postMessage(committer.commit(batch));
      committer.keepLog(batch);
    }
    if (last === 'scrub') port.postMessage(committer.scrub());
    if (last !== 'close') return;
    committer[Symbol.dispose]();
    port.close();
  });
}

/** Everything that waits at the port now, up to the first message that is no write. */
function collect(port: NonNullable<typeof parentPort>, first: ToThread) {
  const writes: SealedWrite[] = [];
  for (let message: ToThread | undefined = first; message !== undefined; message = next(port)) {
    if (message.kind !== 'writes') return { writes, last: message.kind };
    writes.push(...message.writes);
  }
  return { writes, last: null };
}

function next(port: NonNullable<typeof parentPort>): ToThread | undefined {
  return receiveMessageOnPort(port)?.message as ToThread | undefined;
}

if (parentPort !== null) serve(parentPort, workerData as ThreadStart);
