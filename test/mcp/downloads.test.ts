/** How much of what tools wrote an MCP client may have under way. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { intent, outcome, sources } from '../contract/record-fixtures.ts';
import { sendMcp } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const bytesMax = 8 * 1024 * 1024;
const largest = 'art_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const tooLarge = 'art_01ARZ3NDEKTSV4RRFFQ69G5FAW';
const uriOf = (id: string): string => `sallyport://artifacts/${id}`;

const dataDir = mkdtempSync(join(tmpdir(), 'downloads-'));
let server: TestServer;
let alice = '';
let bob = '';
beforeAll(async () => {
  await storeArtifacts();
  server = await startServer({
    dataDir,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  alice = await server.keyFor('alice', [], ['call']);
  bob = await server.keyFor('bob', [], ['call']);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true });
});

/** As a call of alice's left them. */
async function storeArtifacts(): Promise<void> {
  await using record = openSqliteRecord({ ...sources(), dataDir });
  const artifacts = [
    [largest, bytesMax],
    [tooLarge, bytesMax + 1],
  ] as const;
  await record.write(intent('call_1'));
  await record.write({
    ...outcome('call_1'),
    artifacts: artifacts.map(([id, size]) => {
      const data = Buffer.alloc(size, 'x');
      return {
        id,
        callId: 'call_1',
        tenant: 'default',
        principal: 'alice',
        name: 'large.bin',
        mediaType: 'application/octet-stream',
        sha256: createHash('sha256').update(data).digest('hex'),
        data,
        expiresAtMs: Date.now() + 3_600_000,
      };
    }),
  });
}

const read = (key: string, id: string) =>
  sendMcp(server, key, '2025-11-25', { method: 'resources/read', params: { uri: uriOf(id) } });

/** Answered, and not a byte of the file taken. */
async function beginRead(id: string): Promise<IncomingMessage> {
  const asked = request(`${server.url}/mcp`, {
    method: 'POST',
    agent: false,
    headers: {
      Authorization: `Bearer ${alice}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2025-11-25',
    },
  });
  asked.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: uriOf(id) } }));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response;
}

async function timesRead(id: string): Promise<number> {
  const { body } = await server.request('GET', '/v1/audit/events?type=artifact_read&limit=100');
  const items = body.items as { details: { artifactId: string } }[];
  return items.filter(({ details }) => details.artifactId === id).length;
}

test('a file of more than 8 MiB is had over HTTP alone; that it is there its owner is told, and nobody else', async () => {
  expect((await read(alice, tooLarge)).body.error).toEqual({
    code: -32_602,
    message: `The file is larger than 8388608 bytes: GET /v1/artifacts/${tooLarge} has it.`,
  });
  expect((await read(bob, tooLarge)).body.error.message).toMatch(/not found/i);
  expect(await timesRead(tooLarge)).toBe(0);
  const whole = await server.request('GET', `/v1/artifacts/${tooLarge}`, { key: alice });
  expect(whole.body).toHaveLength(bytesMax + 1);
});

test('a principal has eight under way over both doors, and may go on with the rest meanwhile', async () => {
  const underWay = await Promise.all(Array.from({ length: 8 }, () => beginRead(largest)));
  expect(underWay.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 8 }, () => 200));

  const refused = { code: 'rate_limited', quota: 'downloads', limit: 8 };
  expect(await read(alice, largest)).toMatchObject({ status: 429, body: refused });
  const overHttp = await server.request('GET', `/v1/artifacts/${largest}`, { key: alice });
  expect(overHttp).toMatchObject({ status: 429, body: refused });
  expect(await timesRead(largest)).toBe(8);
  expect((await read(bob, largest)).status).toBe(200);
  expect((await sendMcp(server, alice, '2025-11-25', { method: 'tools/list' })).status).toBe(200);

  underWay[0]?.destroy();
  await vi.waitFor(async () => {
    const { body } = await read(alice, largest);
    expect(body.result.contents[0].blob).toHaveLength(4 * Math.ceil(bytesMax / 3));
  }, 10_000);
  for (const answer of underWay) answer.destroy();
});
