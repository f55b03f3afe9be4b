/** The counters of downloads against clients that leave at the wrong moment. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Server } from 'node:http';
import express from 'express';
import type { Response } from 'express';
import { expect, test } from 'vitest';
import { Transfers } from '../../src/api/transfers.ts';
import type { TransferLimits } from '../../src/api/transfers.ts';

const limits = {
  byPrincipalMax: 2,
  transfersMax: 4,
  bytesMax: 1000,
  stalledMsMax: 30_000,
  bytesPerSecondMin: 1024,
};

/** Each request waits in its handler until it is let on. */
class Door implements AsyncDisposable {
  readonly transfers: Transfers;
  /** Times that one was turned away. */
  shed = 0;
  readonly #server: Server;
  #onRequest: (response: Response) => void = () => {};

  constructor(changes: Partial<TransferLimits> = {}) {
    const doorShed = () => void (this.shed += 1);
    this.transfers = new Transfers({ doorShed }, { ...limits, ...changes });
    const app = express();
    app.get('/', (_request, response) => {
      this.#onRequest(response);
    });
    this.#server = app.listen(0, '127.0.0.1');
  }

  async ask(id = 'ana'): Promise<{ readonly client: Socket; readonly response: Response }> {
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#onRequest = (response) => {
      response.locals['caller'] = { principal: { id, tenant: 'acme' } };
      resolve(response);
    };
    if (!this.#server.listening) await once(this.#server, 'listening');
    const client = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return { client, response: await promise };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function leave(client: Socket, response: Response): Promise<void> {
  // Not by way of an error, which it also is where bytes were on their way.
  const closed = new Promise((resolve) => response.req.socket.once('close', resolve));
  client.destroy();
  await closed;
}

test('who leaves while the file is read gives back the room for its bytes', async () => {
  await using door = new Door();
  for (let at = 0; at < 10; at += 1) {
    const { client, response } = await door.ask();
    door.transfers.admit(response);
    await leave(client, response);
    door.transfers.send(response, Buffer.alloc(900));
  }
  const { response } = await door.ask();
  door.transfers.admit(response);
  expect(() => door.transfers.send(response, Buffer.alloc(900))).not.toThrow();
});

test('who has left before it is let in takes no place', async () => {
  await using door = new Door();
  for (let at = 0; at < 10; at += 1) {
    const { client, response } = await door.ask();
    await leave(client, response);
    door.transfers.admit(response);
  }
  const { response } = await door.ask();
  expect(() => door.transfers.admit(response)).not.toThrow();
});

test('so many at once for one principal, and for all', async () => {
  await using door = new Door();
  for (const id of ['ana', 'ana', 'ben', 'cy']) door.transfers.admit((await door.ask(id)).response);
  const more = await door.ask('ana');
  expect(() => door.transfers.admit(more.response)).toThrow(
    expect.objectContaining({ code: 'rate_limited', fields: expect.objectContaining({ limit: 2 }) }),
  );
  const another = await door.ask('dee');
  expect(() => door.transfers.admit(another.response)).toThrow(
    expect.objectContaining({ code: 'overloaded' }),
  );
  expect(door.shed).toBe(2);
});

test('so many bytes at once; one that is larger than all of that goes by itself', async () => {
  await using door = new Door();
  const first = await door.ask();
  door.transfers.admit(first.response);
  door.transfers.send(first.response, Buffer.alloc(8 * 1024 * 1024));
  const second = await door.ask();
  door.transfers.admit(second.response);
  expect(() => door.transfers.send(second.response, Buffer.alloc(1))).toThrow(
    expect.objectContaining({ code: 'overloaded' }),
  );
  await leave(first.client, first.response);
  expect(() => door.transfers.send(second.response, Buffer.alloc(1))).not.toThrow();
});

function takeNothing(client: Socket): void {
  client.pause();
}

/** Chunks of what Node reads at once, with a pause after each. */
function takeSlowly(client: Socket): void {
  client.on('data', () => {
    client.pause();
    setTimeout(() => client.resume(), 5);
  });
}

test.for([
  ['nothing', 'a while', takeNothing],
  ['a trickle', 'the time that a slow line needs', takeSlowly],
] as const)('a client that takes %s is cut off after %s', async ([, , take]) => {
  await using door = new Door({ stalledMsMax: 800, bytesPerSecondMin: 1e9, bytesMax: 64 * 1024 * 1024 });
  const { client, response } = await door.ask();
  take(client);
  door.transfers.admit(response);
  door.transfers.send(response, Buffer.alloc(32 * 1024 * 1024));
  await once(response, 'close');
  client.destroy();
  expect(response.writableFinished).toBe(false);
});
