import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, test } from 'vitest';
import { EventStream } from '../../src/api/event-stream.ts';

/** More than socket buffers of both sides take. */
const large = 'x'.repeat(1024 * 1024);

test('what waits for a client that does not read is one event, and its hanging up ends it', async () => {
  const sent = Promise.withResolvers<number>();
  const stalled = Promise.withResolvers<void>();
  const app = express();
  app.get('/', async (_request, response) => {
    using stream = new EventStream(response);
    let count = 0;
    const sendAll = async (): Promise<void> => {
      while (await stream.send({ id: String(count), type: 'stdout', data: { large } })) count += 1;
    };
    const sending = sendAll();
    // Each turn that the socket takes something it is sent more; at last it takes nothing.
    for (let before = -1; before !== count || !response.writableNeedDrain;) {
      before = count;
      await new Promise((turn) => setImmediate(turn));
    }
    expect(response.writableLength).toBeLessThan(2 * large.length);
    stalled.resolve();
    await sending;
    sent.resolve(count);
  });
  await using server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await new Promise<IncomingMessage>((resolve) => get({ port, host: '127.0.0.1' }, resolve));
  await stalled.promise;
  answer.destroy();
  expect(await sent.promise).toBeGreaterThan(0);
});

/** Serves an app on loopback. */
async function serve(app: express.Express): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('a long stream listens no more than a short one', async () => {
  const app = express();
  const counts: number[] = [];
  app.get('/', async (_request, response) => {
    using stream = new EventStream(response);
    for (let sent = 0; sent < 20; sent += 1) {
      await stream.send({ id: String(sent), type: 'stdout', data: { large } });
      counts.push(response.listenerCount('close'));
    }
  });
  await using server = await serve(app);
  const answer = await fetch(`http://127.0.0.1:${server.port}`);
  await answer.arrayBuffer();
  expect(new Set(counts).size).toBe(1);
});
