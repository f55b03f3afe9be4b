/** Calls that name uploaded files: what their code reads, whose files they are, what the boundary and the record say. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sallyport } from '../../src/client/index.ts';
import { buildImages } from '../support/container-calls.ts';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

/** In pieces, so that only the boundary can have found it. */
const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
const home = mkdtempSync(join(tmpdir(), 'uploaded-'));

let server: TestServer;
let sallyport: Sallyport;
beforeAll(async () => {
  await buildImages('python', 'shell');
  server = await startServer({ environment: { SALLYPORT_AUDIT_MIN_RETENTION_DAYS: '0' } });
  sallyport = new Sallyport({ url: server.url, apiKey: server.key });
}, 600_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

function python(
  code: string,
  files: readonly object[],
  key = server.key,
  more: object = {},
): Promise<Answer> {
  return server.request('POST', '/v1/calls', {
    key,
    body: { tool: 'python_run', args: { code, files }, ...more },
  });
}

async function eventsOf(callId: string): Promise<readonly Answer['body'][]> {
  return (await server.request('GET', `/v1/audit/calls/${callId}`)).body.events;
}

const size = 'import os; os.path.getsize("data.bin")';

describe('a call', () => {
  test('reads the uploaded bytes, beside inline ones, and its intent says which', async () => {
    const { id, sha256, sizeBytes } = await sallyport.files.upload('a,b\n1,2\n');
    const { body } = await python('open("in/data.csv").read() + open("b.txt").read()', [
      { path: 'in/data.csv', file: id },
      { path: 'b.txt', text: 'inline' },
    ]);
    expect(body).toMatchObject({ status: 'succeeded', result: 'a,b\n1,2\ninline' });
    const [intent] = await eventsOf(body.id);
    expect(intent).toMatchObject({
      type: 'intent',
      details: { files: [{ id, sizeBytes }] },
      content: {
        args: {
          files: [
            { path: 'in/data.csv', file: id },
            { path: 'b.txt', text: 'inline' },
          ],
        },
        files: [{ id, sizeBytes, sha256 }],
      },
    });
  });

  test('takes 20 MiB of bytes that are no text as they are, and one file at two paths', async () => {
    const data = randomBytes(20 * 1024 * 1024);
    const { id, sha256 } = await sallyport.files.upload(data);
    const code = 'import hashlib\n[hashlib.sha256(open(n, "rb").read()).hexdigest() for n in ("a", "b")]';
    const { body } = await python(code, [
      { path: 'a', file: id },
      { path: 'b', file: id },
    ]);
    expect(body).toMatchObject({ status: 'succeeded', result: [sha256, sha256] });
  }, 60_000);

  test('in a session, of a shell, and over MCP reads it as well', async () => {
    const { id } = await sallyport.files.upload('12345');
    const files = [{ path: 'data.bin', file: id }];
    {
      await using session = await sallyport.sessions.create({ image: 'python' });
      expect((await session.run('python_run', { code: size, files })).result).toBe(5);
    }
    const shell = await sallyport.run('shell_run', { script: 'cat data.bin', files });
    expect(shell.output.stdout).toBe('12345');
    const { body } = await server.request('POST', '/mcp', {
      headers: { Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2025-11-25' },
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'python_run', arguments: { code: size, files } },
      },
    });
    expect(String(body)).toContain(String.raw`\nresult:\n5\n`);
    expect(String(body)).toContain('"isError":false');
  });

  test('is looked at as if its file stood in the arguments, text or not; the finding names the place', async () => {
    const { id } = await sallyport.files.upload(`key = ${secret}`);
    const inline = await python('1', [{ path: 'a', text: `key = ${secret}` }]);
    const named = await python('1', [{ path: 'a', file: id }]);
    expect(inline.body.boundary.findings.length).toBeGreaterThan(0);
    expect(named.body.boundary.findings).toEqual(inline.body.boundary.findings);
    const packed = await sallyport.files.upload(
      Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from(secret)]),
    );
    const binary = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from(secret)]).toString('base64');
    expect((await python('1', [{ path: 'a', file: packed.id }])).body.boundary.findings).toEqual(
      (await python('1', [{ path: 'a', base64: binary }])).body.boundary.findings,
    );
  });

  test('with a key that was used before is answered as it ended, also when its file is gone', async () => {
    const ana = await server.keyFor('ana', ['developer'], ['call']);
    const { id } = await new Sallyport({ url: server.url, apiKey: ana }).files.upload('x');
    const ask = (): Promise<Answer> =>
      server.request('POST', '/v1/calls', {
        key: ana,
        headers: { 'Idempotency-Key': 'once' },
        body: { tool: 'python_run', args: { code: size, files: [{ path: 'data.bin', file: id }] } },
      });
    const first = await ask();
    expect(first.body).toMatchObject({ status: 'succeeded', result: 1 });
    expect((await ask()).body.id).toBe(first.body.id);
    const erasure = { principal: 'ana', reason: 'r', legalBasis: 'l', ticket: 't' };
    expect((await server.request('POST', '/v1/audit/erasures', { body: erasure })).status).toBeLessThan(300);
    expect(await python(size, [{ path: 'data.bin', file: id }], ana)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
  });
});

describe('nothing runs', () => {
  test("for a file that is unknown, another principal's or another tenant's: the answers are alike", async () => {
    const { id } = await sallyport.files.upload('mine');
    const colleague = await server.keyFor('bob', ['developer'], ['call', 'admin']);
    const stranger = await server.keyFor('eve', ['developer'], ['call'], 'red');
    const ask = (file: string, key: string): Promise<Answer> => python('1', [{ path: 'a', file }], key);
    const answers = [
      await ask('file_01JD9Z5VQ3M8X0W2N7B4K6T1RA', server.key),
      await ask(id, colleague),
      await ask(id, stranger),
    ].map(({ status, body }) => ({ status, code: body.code, detail: body.detail }));
    expect(answers[0]).toMatchObject({ status: 404, code: 'not_found' });
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
  });

  test.each([
    ['two contents', (id: string) => [{ path: 'a', file: id, text: 'x' }]],
    ['a path that leads out', (id: string) => [{ path: '../etc/passwd', file: id }]],
    ['an absolute path', (id: string) => [{ path: '/etc/passwd', file: id }]],
    ['an id that is none', () => [{ path: 'a', file: '../../record.db' }]],
    ['an id that is no text', () => [{ path: 'a', file: { id: 1 } }]],
  ])('for %s', async (_what, files) => {
    const { id } = await sallyport.files.upload('x');
    expect(await python('1', files(id))).toMatchObject({ status: 422, body: { code: 'invalid_arguments' } });
  });

  test('of two files at one path', async () => {
    const { id } = await sallyport.files.upload('x');
    const files = [
      { path: 'a', file: id },
      { path: 'a', file: id },
    ];
    expect(await python('1', files)).toMatchObject({
      status: 422,
      body: { code: 'invalid_arguments', errors: [{ pointer: '/files/1/path' }] },
    });
  });

  test('of more bytes than the tool has memory, before any is read', async () => {
    const data = new Uint8Array(64 * 1024 * 1024);
    const files: object[] = [];
    for (const path of ['a', 'b', 'c', 'd', 'e'])
      files.push({ path, file: (await sallyport.files.upload(data)).id });
    expect(await python('1', files)).toMatchObject({
      status: 422,
      body: { code: 'invalid_arguments', errors: [{ pointer: '/files' }] },
    });
  }, 60_000);
});

test('the command line uploads a file, and says what it cannot read', async () => {
  const path = join(home, 'sales.csv');
  writeFileSync(path, 'a,b\n');
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  const { code, stdout } = await runCli(['files', 'put', path], environment);
  const { id, sizeBytes } = JSON.parse(stdout) as { id: string; sizeBytes: number };
  expect([code, sizeBytes]).toEqual([0, 4]);
  expect((await python('open("s").read()', [{ path: 's', file: id }])).body.result).toBe('a,b\n');
  const missing = await runCli(['files', 'put', join(home, 'none')], environment);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('cannot be read')]);
});
