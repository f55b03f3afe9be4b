import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { closeIdle } from '../../src/api/serve.ts';

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A client that keeps its connection, on which one request was answered. */
async function idleClient(server: Server): Promise<Socket> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(request);
  await once(client, 'data');
  return client;
}

test('a connection that turns idle is closed', async () => {
  const server = createServer((_request, response) => response.end('fine'));
  const client = await idleClient(server);
  using _closing = closeIdle(server);
  const [hadError] = (await once(client, 'close')) as [boolean];
  expect(hadError).toBe(false);
  server.close();
});

test('a request that has come in and was not read yet is answered, however late the look at connections is', async () => {
  const server = createServer((_request, response) => response.end('fine'));
  const client = await idleClient(server);
  const told: string[] = [];
  client.on('data', (data: Buffer) => told.push(data.toString()));
  using _closing = closeIdle(server);
  client.write(request);
  // The loop is busy until long after the look is due.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  await once(client, 'close');
  expect(told.join('')).toContain('200 OK');
  server.close();
});
