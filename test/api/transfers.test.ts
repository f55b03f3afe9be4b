/** The counters of downloads against clients that leave at the wrong moment. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Server } from 'node:http';
import express from 'express';
import type { Response } from 'express';
import { expect, test } from 'vitest';
import { Transfers } from '../../src/api/transfers.ts';

const limits = {
  byPrincipalMax: 2,
  transfersMax: 4,
  bytesMax: 1000,
  stalledMsMax: 30_000,
  bytesPerSecondMin: 1024,
};

/** Each request waits in its handler until it is let on. */
class Door implements AsyncDisposable {
  readonly transfers = new Transfers({ doorShed: () => {} }, limits);
  readonly #server: Server;
  #onRequest: (response: Response) => void = () => {};

  constructor() {
    const app = express();
    app.get('/', (_request, response) => {
      response.locals['caller'] = { principal: { id: 'ana', tenant: 'acme' } };
      this.#onRequest(response);
    });
    this.#server = app.listen(0, '127.0.0.1');
  }

  async ask(): Promise<{ readonly client: Socket; readonly response: Response }> {
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#onRequest = resolve;
    if (!this.#server.listening) await once(this.#server, 'listening');
    const client = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
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
  const closed = once(response.req.socket, 'close');
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
