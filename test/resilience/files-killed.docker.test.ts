/** `kill -9` of the api while a file of a session is put, and while an artifact is stored: none is ever served by halves. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages } from '../support/container-calls.ts';
import { startRunnerService } from '../support/runner-service.ts';
import type { RunnerService } from '../support/runner-service.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const home = mkdtempSync(path.join(tmpdir(), 'sallyport-files-'));
const address = `unix:${path.join(home, 'runner.sock')}`;
const dataDir = path.join(home, 'data');
/** More than a link has credit for. */
const fileBytes = 8 * 1024 * 1024;
/** Of these, what a socket takes that nobody reads: more than anything else that is written meanwhile. */
const writtenBytesMin = 100 * 1024;
let runner: RunnerService;
let server: TestServer;

beforeAll(async () => {
  await buildImages('python');
  runner = await startRunnerService(address);
  server = await start();
}, 600_000);
afterAll(async () => {
  await server.stop('SIGTERM');
  await runner.stop('SIGTERM');
  rmSync(home, { recursive: true });
}, 60_000);

async function start(): Promise<TestServer> {
  const started = await startServer({ dataDir, environment: { SALLYPORT_RUNNER: address } });
  await started.logged(({ msg }) => msg === 'runner connected');
  return started;
}

/** What a process has written to files and sockets so far. */
function writtenBytes(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

function walBytes(): number {
  return statSync(path.join(dataDir, 'record.db-wal'), { throwIfNoEntry: false })?.size ?? 0;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** Its connection is cut by the kill. */
async function lost(request: Promise<unknown>): Promise<void> {
  await expect(request).rejects.toThrow('fetch failed');
}

test('a file that was half put when the api was killed is the one that was there before', async () => {
  const { body: session } = await server.request('POST', '/v1/sessions', { body: { image: 'python' } });
  const url = (): string => `${server.url}/v1/sessions/${session.id}/files/a.csv`;
  const headers = { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/octet-stream' };
  const put = (body: string): Promise<Response> => fetch(url(), { method: 'PUT', headers, body });
  expect((await put('old\n')).status).toBe(200);

  const { pid = 0 } = runner.child;
  process.kill(pid, 'SIGSTOP');
  const before = writtenBytes(server.child.pid ?? 0);
  const putting = lost(put('new\n'.repeat(fileBytes / 4)));
  await until(() => writtenBytes(server.child.pid ?? 0) - before > writtenBytesMin);
  await server.stop('SIGKILL');
  process.kill(pid, 'SIGCONT');
  await putting;
  server = await start();

  const { body: list } = await server.request('GET', `/v1/sessions/${session.id}/files`);
  expect(list.items).toEqual([expect.objectContaining({ path: 'a.csv', sizeBytes: 4 })]);
  expect(await (await fetch(url(), { headers })).text()).toBe('old\n');
  expect((await put('new\n')).status).toBe(200);
});

test('an artifact that was half stored when the api was killed is there whole or not at all', async () => {
  const code = `import os\nopen('/work/out/a.bin', 'wb').write(os.urandom(${fileBytes}))\nNone`;
  const begun = await server.request('POST', '/v1/calls', {
    body: { tool: 'python_run', args: { code } },
    headers: { Prefer: 'respond-async' },
  });
  expect(begun.status).toBe(202);
  const before = walBytes();
  // As soon as it has begun: there is most of it left then.
  await until(() => walBytes() - before > writtenBytesMin);
  await server.stop('SIGKILL');
  server = await start();
  const { body: call } = await server.request('GET', `/v1/calls/${begun.body.id}`);
  const artifacts = call.artifacts as { url: string; sha256: string; sizeBytes: number }[];
  expect([call.status, artifacts.length]).toEqual([call.status, call.status === 'succeeded' ? 1 : 0]);
  for (const artifact of artifacts) {
    const answer = await fetch(server.url + artifact.url, {
      headers: { Authorization: `Bearer ${server.key}` },
    });
    const data = Buffer.from(await answer.arrayBuffer());
    expect([data.length, createHash('sha256').update(data).digest('hex')]).toEqual([
      fileBytes,
      artifact.sha256,
    ]);
  }
  const { body: verified } = await server.request('GET', '/v1/audit/verify');
  expect(verified).toMatchObject({ valid: true });
});
