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
  expect((await server.request('GET', '/v1/tools')).status).toBe(503);
  expect((await server.request('GET', '/health')).status).toBe(200);
  const block = { tool: 'js_run', reason: 'INC-1', expiresInMs: 60_000 };
  const added = await server.request('POST', '/v1/blocks', { body: block });
  expect(added.status).toBe(201);
  expect((await server.request('DELETE', `/v1/blocks/${added.body.id}`)).status).toBe(204);
  const page = String((await server.request('GET', '/metrics')).body);
  expect(page).toContain('sallyport_http_shed_total{reason="event_loop"}');

  server.child.kill('SIGUSR2');
  expect((await until(call, 200)).body).toMatchObject({ status: 'succeeded' });
}, 60_000);

test('one long pause is no overload, and one look in time ends one', () => {
  let nowMs = 0;
  using lag = new LoopLag(() => nowMs);
  const lookAfter = (ms: number): boolean => {
    nowMs += ms;
    lag.look();
    return lag.isBehind;
  };
  expect([lookAfter(5000), lookAfter(100), lookAfter(349), lookAfter(350)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect([lookAfter(350), lookAfter(350), lookAfter(349)]).toEqual([false, true, false]);
});
