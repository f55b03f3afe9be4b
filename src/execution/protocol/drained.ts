import type { Duplex } from 'node:stream';

/** Resolves when the stream takes more, or nothing any more. */
export async function drained(stream: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('drain', resolve);
  stream.once('close', resolve);
  if (stream.destroyed) resolve();
  await promise;
  stream.off('drain', resolve);
  stream.off('close', resolve);
}
