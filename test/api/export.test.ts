import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
});

afterAll(() => server[Symbol.asyncDispose]());

function environment(key = server.key) {
  return { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: key };
}

test('an export is written to a new file, verifies without server and database, and is on the record', async () => {
  const out = join(server.dataDir, 'export.ndjson');
  expect(await runCli(['audit', 'export', '--out', out], environment())).toMatchObject({ code: 0 });
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const verified = await runCli(['audit', 'verify', '--file', out], {});
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.stdout)).toMatchObject({ valid: true, omitted: 0, trust: 'self-signed' });
  const again = await runCli(['audit', 'export', '--out', out], environment());
  expect(again).toMatchObject({ code: 1 });
  expect(again.stderr).toContain('exists already');
  const { body } = await server.request('GET', '/v1/audit/events?type=exported');
  expect(body.items[0]).toMatchObject({ details: { format: 'ndjson', filters: [] } });
});

test('an auditor of one tenant exports that tenant alone, and it verifies', async () => {
  const auditor = await server.keyFor('eve', ['auditor'], ['audit'], 'elsewhere');
  const { stdout } = await runCli(['audit', 'export'], environment(auditor));
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(5);
  const shown = lines.map((line) => JSON.parse(line)).flatMap(({ event }) => event ?? []);
  for (const { tenant, type } of shown) expect(tenant ?? type).toMatch(/^(elsewhere|checkpoint)$/);
  expect(shown.map(({ type }) => type)).toContain('exported');
});

test('a key without the scope, a format or a filter that is not there: refused, and nothing is exported', async () => {
  const caller = await server.keyFor('carl', [], ['call']);
  expect(await server.request('GET', '/v1/audit/export', { key: caller })).toMatchObject({ status: 403 });
  for (const [query, pointer] of [
    ['format=xml', '?format'],
    ['tools=x', '?tools'],
    ['from=now', '?from'],
    ['limit=1', '?limit'],
  ])
    expect(await server.request('GET', `/v1/audit/export?${query}`)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer }] },
    });
});

test('a reader who goes away in the middle leaves the server as it was', async () => {
  const leaving = new AbortController();
  const response = await fetch(`${server.url}/v1/audit/export`, {
    headers: { Authorization: `Bearer ${server.key}` },
    signal: leaving.signal,
  });
  expect(response.status).toBe(200);
  const before = server.log.length;
  leaving.abort();
  expect((await server.request('GET', '/ready')).status).toBe(200);
  // That there is no engine here may be noticed meanwhile.
  const errors = server.log
    .slice(before)
    .filter(({ level, msg }) => level === 'error' && msg !== 'dependency changed');
  expect(errors).toEqual([]);
});

test('an export is not verified with --deep, and nothing of it is read', async () => {
  for (const more of [[], ['--json'], ['--anchor', '/nonexistent']]) {
    const refused = await runCli(
      ['audit', 'verify', '--file', '/nonexistent', '--deep', ...more],
      environment(),
    );
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--deep and --file exclude each other');
  }
});

test('what is no export is told apart from an altered one', async () => {
  const missing = await runCli(['audit', 'verify', '--file', '/nonexistent'], {});
  expect(missing).toMatchObject({ code: 2 });
  expect(missing.stderr).toContain('ENOENT');
  const other = join(server.dataDir, 'bootstrap.key');
  expect(existsSync(other)).toBe(true);
  const verified = await runCli(['audit', 'verify', '--file', other], {});
  expect(verified.code).toBe(1);
  expect(JSON.parse(verified.stdout)).toMatchObject({ valid: false, problems: [{ kind: 'altered' }, {}] });
});
