/** A server with more to do than it can: it turns new work away at once, and stays within reach of its operators. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LoopLag } from '../../src/api/loop-lag.ts';
import { repository, startServer } from '../support/server.ts';
import type { Answer } from '../support/server.ts';

async function until(look: () => Promise<Answer>, status: number): Promise<Answer> {
  for (;;) {
    const answer = await look();
    if (answer.status === status) return answer;
  }
}

test('behind with its event loop it refuses calls, and answers what ops ask and do', async () => {
  await using server = await startServer({
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      NODE_OPTIONS: `--import=${join(repository, 'test/fixtures/lagging.mjs')}`,
    },
  });
  const call = (): Promise<Answer> => server.call('js_run', { code: 'return 1' });
  expect((await call()).status).toBe(200);

  server.child.kill('SIGUSR2');
  const refused = await until(call, 503);
  expect(refused.body).toMatchObject({ code: 'overloaded', retryable: true });
  expect(refused.headers.get('retry-after')).toBe('1');
  expect((await server.request('GET', '/health')).status).toBe(200);
  expect((await server.request('DELETE', '/v1/calls/call_1')).status).toBe(404);
  expect((await server.request('GET', '/v1/blocks')).status).toBe(200);

  server.child.kill('SIGUSR2');
  expect((await until(call, 200)).body).toMatchObject({ status: 'succeeded' });
}, 60_000);

test('one long pause is no overload, nor is a host that others keep busy; one look in time ends one', () => {
  const clock = { nowMs: 0, usedMs: 0, now: () => clock.nowMs, cpuMs: () => clock.usedMs };
  using lag = new LoopLag(clock);
  const lookAfter = (ms: number, usedMs = ms): boolean => {
    clock.nowMs += ms;
    clock.usedMs += usedMs;
    lag.look();
    return lag.isBehind;
  };
  const pause = [lookAfter(5000), lookAfter(100), lookAfter(350), lookAfter(350), lookAfter(349)];
  expect(pause).toEqual([false, false, false, false, false]);
  expect([lookAfter(400, 99), lookAfter(400, 99), lookAfter(400, 99)]).toEqual([false, false, false]);
  expect([lookAfter(400, 100), lookAfter(350), lookAfter(350), lookAfter(349)]).toEqual([
    false,
    false,
    true,
    false,
  ]);
});
