/** A shadow policy on the real server: on the record and in the metrics, and nowhere else. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { repository, startServer } from '../support/server.ts';

const home = mkdtempSync(join(tmpdir(), 'shadow-policy-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const planned = `apiVersion: sallyport/v1
kind: Policy
metadata: {name: a-planned}
spec:
  mode: shadow
  subjects: [{}]
  rules: [{name: none, effect: deny, tools: [js_run], when: args.code.contains('2'), message: Planned.}]
`;

test('a call that a shadow rule would deny runs, and only the record and the metrics say so', async () => {
  const policyDir = join(home, 'policies');
  cpSync(join(repository, 'policies'), policyDir, { recursive: true });
  writeFileSync(join(policyDir, 'planned.yaml'), planned);
  await using server = await startServer({
    policyDir,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  const args = { code: 'return 1 + 2' };

  const ran = await server.call('js_run', args);
  const asked = await server.request('POST', '/v1/decisions', { body: { tool: 'js_run', args } });
  await server.call('js_run', { code: 'return 1' });
  const read = await server.request('GET', `/v1/calls/${ran.body.id}`);

  expect(ran.body).toMatchObject({ status: 'succeeded', result: 3 });
  for (const { body } of [ran, asked, read]) expect(JSON.stringify(body)).not.toMatch(/planned|shadow/i);
  const { body } = await server.request('GET', '/v1/audit/events?type=intent&order=asc');
  expect(body.items[0].decision.effect).toBe('allow');
  expect(body.items[0].details.shadow).toMatchObject({
    effect: 'deny',
    policy: 'a-planned',
    rule: 'none',
    matched: ['a-planned/none'],
  });
  expect(body.items[1].details).not.toHaveProperty('shadow');
  const metrics = await fetch(`${server.url}/metrics`).then((answer) => answer.text());
  expect(metrics).toContain('sallyport_policy_shadow_decisions_total{enforced="allow",shadow="deny"} 1\n');
});
