/** Writes the log back to the file, as far as readers let it, while the writer goes on; then ends. */
import { workerData } from 'node:worker_threads';
import { openWriter } from './connection.ts';
import { writeBackState } from './log-keeper.ts';
import type { WriteBack } from './log-keeper.ts';

const { file, state } = workerData as WriteBack;
try {
  const connection = openWriter(file);
  try {
    connection.pragma('wal_checkpoint(PASSIVE)');
  } finally {
    connection.close();
  }
} finally {
  Atomics.store(state, 0, writeBackState.idle);
  Atomics.notify(state, 0);
}
