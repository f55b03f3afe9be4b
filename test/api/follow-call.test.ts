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
    current: () => ended,
    isStillActive: () => (lookedAt += 1) <= 3,
  });
  const app = express();
  app.get('/', (_request, response) =>
    follower.follow(response, { callId: ended.id, caller, position: feedStart }),
  );
  await using server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const events = await allEvents(await fetch(`http://127.0.0.1:${port}`));
  expect(events.map(({ type }) => type)).toEqual(['started', 'stdout', 'stdout']);
});
