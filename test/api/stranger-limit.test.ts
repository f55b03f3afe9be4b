import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, test } from 'vitest';
import { authenticate } from '../../src/api/authenticate.ts';
import { Problem, sendProblem } from '../../src/api/problem.ts';
import { StrangerLimit } from '../../src/api/stranger-limit.ts';

const limits = { failuresMax: 3, atOnceMax: 1, windowMs: 60_000, lookUpsPerSecond: 2, refusalMs: 5 };

function setUp() {
  const clock = { nowMs: 0 };
  const strangers = new StrangerLimit(limits, () => clock.nowMs);
  const fail = (address: string, count: number): void => {
    for (let at = 0; at < count; at += 1) strangers.failed(address, `wrong ${at}`);
  };
  return { clock, fail, strangers };
}

test('after so many failures of an address only a few credentials a second are looked up', () => {
  const { clock, fail, strangers } = setUp();
  fail('10.0.0.1', 3);
  const asked = (): boolean[] => [1, 2, 3].map((at) => strangers.mayLookUp('10.0.0.1', `new ${at}`));
  expect(asked()).toEqual([true, true, false]);
  expect(strangers.mayLookUp('10.0.0.2', 'new')).toBe(true);
  clock.nowMs += 1000;
  expect(asked()).toEqual([true, true, false]);
  clock.nowMs += limits.windowMs;
  expect(asked()).toEqual([true, true, true]);
});

test('a credential that opened the door goes on being looked up from there, until it fails itself', () => {
  const { fail, strangers } = setUp();
  strangers.succeeded('good');
  fail('10.0.0.1', 3);
  const asked = (): boolean[] => [1, 2, 3, 4].map(() => strangers.mayLookUp('10.0.0.1', 'good'));
  expect(asked()).toEqual([true, true, true, true]);
  strangers.failed('10.0.0.1', 'good');
  expect(asked()).toEqual([true, true, false, false]);
});

test('after a few failures of an address, in a window, its refusals no longer leave at once', () => {
  const { clock, fail, strangers } = setUp();
  fail('10.0.0.1', 1);
  expect(strangers.isPaced('10.0.0.1')).toBe(false);
  fail('10.0.0.1', 1);
  expect(strangers.isPaced('10.0.0.1')).toBe(true);
  expect(strangers.isPaced('10.0.0.2')).toBe(false);
  clock.nowMs += limits.windowMs;
  expect(strangers.isPaced('10.0.0.1')).toBe(false);
});

test('refusals leave one after the other', () => {
  const { clock, strangers } = setUp();
  expect([1, 2, 3].map(() => strangers.refusalDelayMs())).toEqual([0, 5, 10]);
  clock.nowMs += 100;
  expect(strangers.refusalDelayMs()).toBe(0);
});

test('a flood of keys that nobody has is answered without looking them up, and beside it a key that is known goes on', async () => {
  const good = keyOf('good1');
  const secretHash = createHash('sha256').update(good).digest('hex');
  const key = {
    id: 'good1',
    principal: 'ana',
    tenant: 'acme',
    roles: [],
    attributes: {},
    scopes: [],
    secretHash,
  };
  const lookedUp: string[] = [];
  const record = {
    async getKey(id: string) {
      lookedUp.push(id);
      return id === key.id ? { ...key, createdAtMs: 0, expiresAtMs: null, revokedAtMs: null } : null;
    },
  };
  let failures = 0;
  const strangers = new StrangerLimit(limits, () => 0);
  const options = { record, now: () => 0, tokens: null, onFailure: () => void (failures += 1) };
  const app = express();
  app.use(authenticate(options, (_request, _response, next) => next(), strangers));
  app.use((_request, response) => void response.send('in'));
  app.use((error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
    if (error instanceof Problem) sendProblem(response, error, 'req_1');
    else response.status(500).end();
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const send = (bearer: string): Promise<globalThis.Response> =>
    fetch(url, { headers: { Authorization: `Bearer ${bearer}` } });
  const ask = async (bearer: string): Promise<number> => (await send(bearer)).status;

  expect(await ask(good)).toBe(200);
  const answers: number[] = [];
  for (let at = 0; at < 20; at += 1) answers.push(await ask(keyOf(`wrong${at}`)));
  const lookUpsMax = limits.failuresMax + limits.lookUpsPerSecond;
  expect(lookedUp).toHaveLength(1 + lookUpsMax);
  expect(answers).toEqual([...Array(lookUpsMax).fill(401), ...Array(20 - lookUpsMax).fill(429)]);
  expect(failures).toBe(20);
  const refused = await send(keyOf('last'));
  expect(await refused.json()).toMatchObject({
    code: 'rate_limited',
    quota: 'failures',
    limit: 3,
    windowMs: 60_000,
    retryAfterMs: 1000,
  });
  expect(Object.fromEntries(refused.headers)).toMatchObject({
    'retry-after': '1',
    ratelimit: '"failures"; r=0; t=1',
    'ratelimit-policy': '"failures"; q=3; w=60',
  });
  expect(await ask(good)).toBe(200);
  server.close().closeAllConnections();
});

function keyOf(id: string): string {
  return `spk_${id}_${'x'.repeat(43)}`;
}
