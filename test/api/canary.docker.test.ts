/**
 * Secrets of this deployment in what goes into containers as files and comes out of them: files of sessions, artifacts,
 * their names. A credential is taken out; a decoy withholds everything and is an alert.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImages } from '../support/container-calls.ts';
import { repository, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const secrets = { canary: 'kX9warehouseAdmin2f81Qz', decoy: 'pL4nobodyHoldsThis77Tr' };
/** What code makes it of, so that its arguments do not hold it. */
const made = {
  canary: `''.join(['kX9warehouse', 'Admin2f81Qz'])`,
  decoy: `''.join(['pL4nobody', 'HoldsThis77Tr'])`,
};

const extra = mkdtempSync(join(tmpdir(), 'canary-docker-'));
writeFileSync(
  join(extra, 'credentials.yaml'),
  `apiVersion: sallyport/v1
kind: Credential
metadata: {name: warehouse}
spec: {from: {env: WAREHOUSE}, inject: {header: Authorization}, allow: {hosts: [db.example.com]}}
---
apiVersion: sallyport/v1
kind: Credential
metadata: {name: trap}
spec: {from: {env: TRAP}, decoy: true}
`,
);

let server: TestServer;
let session = '';
const answers: string[] = [];
beforeAll(async () => {
  await buildImages('python');
  const environment = { WAREHOUSE: secrets.canary, TRAP: secrets.decoy };
  server = await startServer({ policyDir: `${join(repository, 'policies')}:${extra}`, environment });
  session = (await send('POST', '/v1/sessions', { body: { image: 'python' } })).body.id;
}, 600_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(extra, { recursive: true });
});

async function send(method: string, path: string, options: Parameters<TestServer['request']>[2] = {}) {
  const answer = await server.request(method, path, options);
  answers.push(JSON.stringify([answer.status, [...answer.headers], answer.body]));
  return answer;
}
const run = (code: string) =>
  send('POST', '/v1/calls', { body: { tool: 'python_run', args: { code }, session } });
const put = (path: string, body: string) =>
  send('PUT', `/v1/sessions/${session}/files/${path}`, {
    body,
    headers: { 'Content-Type': 'application/octet-stream' },
  });
const get = (path: string) => send('GET', `/v1/sessions/${session}/files/${path}`);
const leaks = () => answers.filter((text) => Object.values(secrets).some((secret) => text.includes(secret)));

async function alerts(): Promise<readonly { details: { sessionId?: string; where: string } }[]> {
  return (await server.request('GET', '/v1/audit/events?type=decoy_tripped')).body.items;
}

test('a credential comes out of no file, artifact or name of one', async () => {
  const { body } = await run(`
import gzip, os, sys
secret = ${made.canary}
os.makedirs('/work/out', exist_ok=True)
packed = gzip.compress(f'x\\0{secret}\\0'.encode())
for folder in ('/work', '/work/out'):
    open(f'{folder}/note.txt', 'w').write(f'pass {secret}\\n')
    open(f'{folder}/packed.gz', 'wb').write(packed)
open(f'/work/out/{secret}.txt', 'w').write('x')
print(secret); print(secret, file=sys.stderr)
secret`);
  expect(body).toMatchObject({ status: 'succeeded', boundary: { verdict: 'redacted' } });
  expect(body.artifacts.map(({ mediaType }: { mediaType: string }) => mediaType)).not.toContain(
    'application/gzip',
  );
  for (const { url } of body.artifacts) await send('GET', url);
  await send('GET', `/v1/calls/${body.id}?view=model`);
  await send('GET', `/v1/calls/${body.id}/events`);
  expect((await get('note.txt')).body).toMatch(/^pass \[REDACTED:warehouse:\w{4}\]\n$/);
  expect((await get('packed.gz')).body.code).toBe('content_withheld');
  await send('GET', `/v1/sessions/${session}/files`);
  await put('in.txt', `pass ${secrets.canary}`);
  expect((await get('in.txt')).body).toContain('[REDACTED:warehouse');
  await put(`${secrets.canary}.txt`, 'x');
  await send('GET', `/v1/sessions/${session}/files`);
  await get(`${secrets.canary}.txt`);
  await send('GET', '/v1/audit/events?limit=1000');
  expect(leaks()).toEqual([]);
});

test('a decoy goes into no file and comes out of none, and each time it is an alert', async () => {
  expect(await put('trap.txt', `user ${secrets.decoy}`)).toMatchObject({
    status: 422,
    body: { code: 'arguments_blocked' },
  });
  expect(await alerts()).toMatchObject([
    { details: { severity: 'critical', decoy: 'decoy:trap', where: '/text' } },
  ]);

  const written = await run(`open('/work/found.txt', 'w').write(${made.decoy})`);
  expect(written.body.status).toBe('succeeded');
  expect((await get('found.txt')).body.code).toBe('content_withheld');
  expect(await alerts()).toHaveLength(2);

  const artifact = await run(`open('/work/out/a.txt', 'w').write(${made.decoy})`);
  expect(artifact.body).toMatchObject({ status: 'blocked', artifacts: [] });
  const named = await run(`os.remove('/work/out/a.txt'); open('/work/out/' + ${made.decoy}, 'w').write('x')`);
  expect(named.body).toMatchObject({ status: 'blocked', artifacts: [] });
  expect(await alerts()).toHaveLength(4);
  await server.logged(({ msg, decoy }) => msg === 'decoy credential seen' && decoy === 'decoy:trap');
  expect(leaks()).toEqual([]);
});

test('neither the log nor a byte of the data directory has one of them', async () => {
  await send('DELETE', `/v1/sessions/${session}`);
  const files = readdirSync(server.dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const texts = files.map(
    ({ name, parentPath }) => [name, readFileSync(join(parentPath, name)).toString('latin1')] as const,
  );
  const found = [...texts, ['log', JSON.stringify(server.log)] as const].filter(([, text]) =>
    Object.values(secrets).some((secret) => text.includes(secret)),
  );
  expect(found.map(([name]) => name)).toEqual([]);
});
