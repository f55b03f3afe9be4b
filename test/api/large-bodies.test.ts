/** Large bodies of one tenant are read a few at a time. A real server in this process, real sockets. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import express from 'express';
import type { Response } from 'express';
import { expect, test } from 'vitest';
import { LargeBodies } from '../../src/api/large-bodies.ts';
import { bodyReader } from '../../src/api/read-body.ts';

const largeBytes = 100_000;

/** `POST /<tenant>/<name>` leaves its request unanswered, and tells of it: `came`, `reached` once its body is read, `left`. */
async function serve(atOnceMax: number) {
  const bodies = new LargeBodies(atOnceMax);
  const held = new Map<string, Response>();
  const signs = new Map<string, PromiseWithResolvers<void>>();
  const sign = (name: string): PromiseWithResolvers<void> => {
    const known = signs.get(name) ?? Promise.withResolvers<void>();
    signs.set(name, known);
    return known;
  };
  const app = express();
  app.post('/:tenant/:name', (request, response, next) => {
    const { name, tenant } = request.params;
    response.locals['caller'] = { principal: { tenant } };
    response.once('close', () => sign(`left ${name}`).resolve());
    next();
    sign(`came ${name}`).resolve();
  });
  app.post('/:tenant/:name', bodies.admit, bodyReader(1_000_000), (request, response) => {
    const name = String(request.params.name);
    held.set(name, response);
    sign(`reached ${name}`).resolve();
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const send = (tenant: string, name: string, bytes = largeBytes): Socket => {
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /${tenant}/${name} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${' '.repeat(bytes)}`,
    );
    return socket;
  };
  return {
    held,
    came: (name: string) => sign(`came ${name}`).promise,
    reached: (name: string) => sign(`reached ${name}`).promise,
    left: (name: string) => sign(`left ${name}`).promise,
    send,
    done: (name: string) => bodies.done(held.get(name) as Response),
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('beyond so many at once they wait, small ones and those of another tenant do not', async () => {
  await using door = await serve(1);
  door.send('flood', 'first');
  await door.reached('first');
  door.send('flood', 'second');
  door.send('flood', 'small', 1000);
  door.send('quiet', 'other');
  await Promise.all([door.reached('small'), door.reached('other')]);
  expect([...door.held.keys()]).not.toContain('second');
  door.done('first');
  await door.reached('second');
});

test('a client that goes away gives its place to the next, and one that waited leaves the line', async () => {
  await using door = await serve(1);
  const first = door.send('flood', 'first');
  await door.reached('first');
  const gone = door.send('flood', 'gone');
  await door.came('gone');
  gone.destroy();
  await door.left('gone');
  door.send('flood', 'next');
  await door.came('next');
  first.destroy();
  await door.reached('next');
  expect([...door.held.keys()]).toEqual(['first', 'next']);
});
