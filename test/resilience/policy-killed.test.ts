/**
 * Killed at any moment of a roll-back, a reload or an unpin: the next start decides under the revision before or the one
 * after, with the pin that belongs to it, never under none; and what was answered holds.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { repository, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const home = mkdtempSync(join(tmpdir(), 'policy-killed-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const denial = `apiVersion: sallyport/v1
kind: Policy
metadata: {name: later}
spec:
  subjects: [{}]
  rules: [{name: none, effect: deny, tools: [js_run], message: later}]
`;

/** Questions that are asked between the change and the kill: each waits for its answer, so the moments differ. */
const moments = [0, 1, 2, 4, 8, 16];

const start = (policyDir: string, dataDir: string): Promise<TestServer> =>
  startServer({ policyDir, dataDir, environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });

async function killAfter(server: TestServer, change: Promise<Answer>, questions: number): Promise<boolean> {
  let isAnswered = false;
  const settled = change.then(
    ({ status }) => (isAnswered = status === 200),
    () => null,
  );
  for (let asked = 0; asked < questions; asked++) await server.request('GET', '/health');
  const wasAnswered = isAnswered;
  await server.stop('SIGKILL');
  await settled;
  return wasAnswered;
}

test('a kill leaves the revision before or the one after', async () => {
  const [policyDir, dataDir] = [join(home, 'policies'), join(home, 'data')];
  cpSync(join(repository, 'policies'), policyDir, { recursive: true });
  let server = await start(policyDir, dataDir);
  const { revision: first } = (await server.request('GET', '/v1/policy')).body;
  writeFileSync(join(policyDir, 'later.yaml'), denial);
  const { revision: second } = (await server.request('POST', '/v1/policy/reload')).body;
  expect(second).not.toBe(first);

  for (const questions of moments) {
    const before = (await server.request('GET', '/v1/policy')).body.revision;
    const isBack = before === second;
    const change = isBack
      ? server.request('POST', '/v1/policy/activate', { body: { revision: first, reason: 'INC-7' } })
      : server.request('POST', '/v1/policy/unpin', { body: { reason: 'mended' } });
    const wasAnswered = await killAfter(server, change, questions);

    server = await start(policyDir, dataDir);
    const after = (await server.request('GET', '/v1/policy')).body;
    expect(wasAnswered ? [isBack ? first : second] : [first, second]).toContain(after.revision);
    // The files hold the second: only a pin keeps the first.
    expect(after.pin === null).toBe(after.revision === second);
    const call = await server.call('js_run', { code: 'return 42' });
    expect(after.revision === first ? call.body.result : call.body.detail).toBe(
      after.revision === first ? 42 : 'later',
    );
    expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
  }
  await server[Symbol.asyncDispose]();
}, 240_000);
