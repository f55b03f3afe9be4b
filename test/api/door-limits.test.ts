/** What the door gives one client of what all share: connections, and memory for files on their way. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import express from 'express';
import type { Response } from 'express';
import { expect, test } from 'vitest';
import { limitConnections } from '../../src/api/limit-connections.ts';
import { limitPipelining } from '../../src/api/limit-pipelining.ts';
import { Problem } from '../../src/api/problem.ts';
import { sendUntrusted } from '../../src/api/send-untrusted.ts';
import { Transfers } from '../../src/api/transfers.ts';
import type { TransferLimits } from '../../src/api/transfers.ts';

const mib = 1024 * 1024;
const roomy: TransferLimits = {
  byPrincipalMax: 100,
  transfersMax: 100,
  bytesMax: 1024 * mib,
  stalledMsMax: 60_000,
  bytesPerSecondMin: mib,
};

/** `GET /<principal>` hands out a file that is larger than what any socket holds. */
async function serveFiles(limits: Partial<TransferLimits>) {
  const transfers = new Transfers({ doorShed: () => {} }, { ...roomy, ...limits });
  const data = Buffer.alloc(32 * mib);
  const closed: Promise<boolean>[] = [];
  const app = express();
  app.get('/:principal', (request, response) => {
    response.locals['caller'] = { principal: { tenant: 'acme', id: request.params.principal } };
    closed.push(once(response, 'close').then(() => response.writableFinished));
    try {
      transfers.admit(response);
      sendUntrusted(response, { name: 'a.bin', mediaType: '', data }, transfers);
    } catch (error) {
      refuse(response, error);
    }
  });
  const server = createServer(app);
  return { closed, server, port: await open(server) };
}

function refuse(response: Response, error: unknown): void {
  if (!(error instanceof Problem)) throw error;
  response.status(429).send(error.code);
}

async function open(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Asks for the file and takes the first bytes of the answer, no more. */
async function begin(port: number, principal: string): Promise<{ socket: Socket; head: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET /${principal} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  return { socket, head: chunk.toString('latin1') };
}

test('one principal takes so many files at once, others take theirs, and a place comes free at the end', async () => {
  const { closed, server, port } = await serveFiles({ byPrincipalMax: 2 });
  const held = [await begin(port, 'ana'), await begin(port, 'ana')];
  expect((await begin(port, 'ana')).head).toContain('rate_limited');
  expect((await begin(port, 'ben')).head).toContain('200 OK');
  held[0]?.socket.destroy();
  await closed[0];
  expect((await begin(port, 'ana')).head).toContain('200 OK');
  server.close().closeAllConnections();
});

test('all together hold no more in memory than there is room for', async () => {
  const { server, port } = await serveFiles({ bytesMax: 80 * mib });
  const heads = [await begin(port, 'ana'), await begin(port, 'ben'), await begin(port, 'cat')];
  expect(heads.map(({ head }) => /200 OK|overloaded/.exec(head)?.[0])).toEqual([
    '200 OK',
    '200 OK',
    'overloaded',
  ]);
  server.close().closeAllConnections();
});

test('a client that takes nothing is cut off', async () => {
  const { closed, server, port } = await serveFiles({ stalledMsMax: 50 });
  await begin(port, 'ana');
  expect(await closed[0]).toBe(false);
  server.close();
});

test('a client that takes a little now and then is cut off all the same', async () => {
  const { closed, server, port } = await serveFiles({ stalledMsMax: 300, bytesPerSecondMin: 1024 * mib });
  const { socket } = await begin(port, 'ana');
  // Each bit that is taken is progress, after which a client that stalls would have its time anew.
  const trickle = setInterval(() => socket.read(256 * 1024), 20);
  expect(await closed[0]).toBe(false);
  clearInterval(trickle);
  server.close();
});

test('one address gets so many connections, a trusted proxy all', async () => {
  let refused = 0;
  const onRefused = (): void => void (refused += 1);
  const server = createServer((_request, response) => response.end('here'));
  limitConnections(server, { byAddressMax: 2, trustedProxies: ['10.0.0.0/8'], onRefused });
  const port = await open(server);
  const kept = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(kept.map((socket) => once(socket, 'connect')));
  const third = connect(port, '127.0.0.1').on('error', () => {});
  await once(third, 'close');
  expect(refused).toBe(1);
  const [first] = kept;
  first?.destroy();
  while ((await asks(port)) !== 'here');
  const proxied = createServer((_request, response) => response.end('here'));
  limitConnections(proxied, { byAddressMax: 0, trustedProxies: ['127.0.0.0/8'], onRefused });
  expect(await asks(await open(proxied))).toBe('here');
  for (const socket of kept) socket.destroy();
  proxied.close();
  server.close();
});

test('a connection that asks on without waiting for answers is closed, one that waits for them is not', async () => {
  let refused = 0;
  const held: ServerResponse[] = [];
  const listener = limitPipelining(
    2,
    (_request, response) => void held.push(response),
    () => void (refused += 1),
  );
  const server = createServer(listener);
  const port = await open(server);
  const ask = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const patient = connect(port, '127.0.0.1');
  for (let count = 1; count <= 3; count += 1) {
    patient.write(ask);
    while (held.length < count) await once(server, 'request');
    held.at(-1)?.end('here');
    await once(patient, 'data');
  }
  const hasty = connect(port, '127.0.0.1').on('error', () => {});
  hasty.write(ask.repeat(5));
  await once(hasty, 'close');
  expect([held.length, refused]).toEqual([5, 1]);
  patient.destroy();
  server.close();
});

async function asks(port: number): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })).text();
  } catch {
    return 'refused';
  }
}
