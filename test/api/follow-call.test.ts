import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, test } from 'vitest';
import { CallFollower } from '../../src/api/follow-call.ts';
import { CallChanges } from '../../src/calls/call-changes.ts';
import { feedStart, feedTextCharsMax } from '../../src/calls/call-feed.ts';
import type { Call } from '../../src/model/call.ts';
import type { Caller } from '../../src/model/principal.ts';
import { allEvents } from '../support/read-events.ts';

const ended = {
  id: 'call_1',
  status: 'succeeded',
  output: { stdout: 'x'.repeat(8 * feedTextCharsMax), stderr: '', truncated: [] },
  artifacts: [],
  startedAt: '2026-01-01T00:00:00.000Z',
} as unknown as Call;
const caller = {
  principal: { id: 'ana', tenant: 'default', roles: [], attributes: {} },
} as unknown as Caller;

test('a key that ends while its client still reads is told no more of what was there before', async () => {
  let lookedAt = 0;
  const follower = new CallFollower({
    changes: new CallChanges(),
    current: async () => ended,
    isStillActive: async () => (lookedAt += 1) <= 3,
  });
  await using server = await serve(follower);
  const events = await allEvents(await fetch(server.url));
  expect(events.map(({ type }) => type)).toEqual(['started', 'stdout', 'stdout']);
});

test('a flood of small prints is not looked at one by one', async () => {
  const changes = new CallChanges();
  const running: Call = { ...ended, status: 'running', output: { stdout: '', stderr: '', truncated: [] } };
  let call = running;
  let looks = 0;
  const current = async (): Promise<Call> => {
    looks += 1;
    return call;
  };
  const follower = new CallFollower({ changes, current, isStillActive: async () => true });
  await using server = await serve(follower);
  const answer = await fetch(server.url);
  for (let pieces = 1; pieces <= 1000; pieces += 1) {
    call = { ...running, output: { ...running.output, stdout: 'x'.repeat(pieces) } };
    changes.notify(ended.id);
    await Promise.resolve();
  }
  call = { ...ended, output: call.output };
  changes.notify(ended.id);
  const texts = (await allEvents(answer)).flatMap(({ data }) => data.text ?? []);
  expect(texts.join('')).toBe('x'.repeat(1000));
  expect(looks).toBeLessThan(10);
});

async function serve(follower: CallFollower): Promise<AsyncDisposable & { readonly url: string }> {
  const app = express();
  app.get('/', (_request, response) =>
    follower.follow(response, { callId: ended.id, caller, position: feedStart }),
  );
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
