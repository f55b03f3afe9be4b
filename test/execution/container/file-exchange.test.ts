import { expect, test } from 'vitest';

import type { FrameListener, Sandbox } from '../../../src/execution/container/sandbox.ts';
import { exchangeFile } from '../../../src/execution/container/sessions/file-exchange.ts';

/** Lists what a harness that was taken over says lies in /work. */
async function listOf(path: string) {
  const listening = Promise.withResolvers<FrameListener>();
  const sandbox = {
    listen: (listener) => listening.resolve(listener),
    closed: new Promise(() => {}),
    send: async () => {},
  } satisfies Partial<Sandbox>;
  const listing = exchangeFile(sandbox as unknown as Sandbox, { kind: 'list', prefix: '' });
  const listener = await listening.promise;
  const send = (type: 'fileEntry' | 'fileDone', fields: object): void =>
    listener.onFrame({ type, channel: 1, payload: Buffer.from(JSON.stringify(fields)) });
  send('fileEntry', { path, sizeBytes: 1, modifiedAtMs: 0 });
  send('fileDone', {});
  return await listing;
}

test('a list with a path longer than there are is the end of the container', async () => {
  expect(await listOf('a'.repeat(1000))).toMatchObject({ kind: 'done', files: [{ sizeBytes: 1 }] });
  await expect(listOf('a'.repeat(1025))).rejects.toThrow('a path that no supervisor sends');
});
