import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Artifact } from '../../src/model/call.ts';
import { buildImages, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

/** In pieces, here as in the code that prints it, so that only the boundary can have found it. */
const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
const pythonSecret = `''.join(['AKIA', 'IOSFODNN7', 'EXAMPLQ'])`;

/** A picture of one grey point, as Python writes it. */
const pythonPicture = `
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
picture = (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\\0\\x80")) + chunk(b"IEND", b""))
`;

let server: TestServer;
let events: ContainerEvents;
beforeAll(async () => {
  await buildImages('python', 'node', 'shell');
  server = await startServer();
  events = await ContainerEvents.of(server, dockerHost ?? 'unix:///var/run/docker.sock');
}, 600_000);
afterAll(async () => {
  events[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

async function download(artifact: Artifact | undefined): Promise<{ headers: Headers; data: Buffer }> {
  const response = await fetch(server.url + (artifact?.url ?? ''), {
    headers: { Authorization: `Bearer ${server.key}` },
  });
  expect(response.status).toBe(200);
  return { headers: response.headers, data: Buffer.from(await response.arrayBuffer()) };
}

describe('python_run', () => {
  test('1+1 is 2, and the answer says where it ran', async () => {
    const { status, body } = await server.call('python_run', { code: '1+1' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'succeeded',
      result: 2,
      error: null,
      output: { stdout: '', stderr: '', truncated: [] },
      runtime: {
        kind: 'container',
        confinement: 'runc, seccomp, no network, read-only, uid 65534',
        image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        warm: false,
      },
    });
    expect(body.usage.cpuMs).toBeGreaterThan(0);
    expect(body.usage.memoryPeakBytes).toBeGreaterThan(1024 * 1024);
    expect((await server.request('GET', `/v1/calls/${body.id}`)).body).toEqual(body);
  });

  test('what it prints comes apart from the variable `result`', async () => {
    const code = 'import sys\nprint("hi")\nprint("oh", file=sys.stderr)\nresult = {"a": [1, None]}\n7';
    expect((await server.call('python_run', { code })).body).toMatchObject({
      result: { a: [1, null] },
      output: { stdout: 'hi\n', stderr: 'oh\n' },
    });
  });

  test('an exception is a failed call with the traceback of the code alone', async () => {
    const { body } = await server.call('python_run', { code: 'def f(x):\n    return 1/x\n\nf(0)' });
    expect(body).toMatchObject({
      status: 'failed',
      result: null,
      error: { name: 'ZeroDivisionError', message: 'division by zero' },
    });
    expect(body.error.stack).toMatch(
      /^Traceback[^\n]*\n {2}File "<code>", line 4, in <module>\n[\s\S]*File "<code>", line 2, in f\n/,
    );
    expect(body.error.stack).not.toContain('harness');
  });

  test('takes `input` and files, text and binary', async () => {
    const { body } = await server.call('python_run', {
      code: 'result = [open("data/in.txt").read(), list(open("/work/b.bin", "rb").read()), input["k"]]',
      input: { k: 'v' },
      files: [
        { path: 'data/in.txt', text: 'héllo' },
        { path: 'b.bin', base64: 'AAH/' },
      ],
    });
    expect(body.result).toEqual(['héllo', [0, 1, 255], 'v']);
  });

  test('a path that leaves /work is refused before anything runs', async () => {
    const created = events.of('create').length;
    const refused = await server.call('python_run', { code: '1', files: [{ path: '../x', text: '' }] });
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid_arguments' } });
    expect(events.of('create')).toHaveLength(created);
  });
});

describe('artifacts', () => {
  test('come back byte for byte, as a download that no browser runs', async () => {
    const { body } = await server.call('python_run', {
      code: 'open("/work/out/säge.html", "wb").write(b"<script>1</script>" + bytes(range(256)))',
    });
    const [artifact] = body.artifacts as Artifact[];
    expect(artifact).toMatchObject({ name: 'säge.html', sizeBytes: 274 });
    const { headers, data } = await download(artifact);
    const bytes = Buffer.concat([Buffer.from('<script>1</script>'), Buffer.from([...Array(256).keys()])]);
    expect(data.equals(bytes)).toBe(true);
    expect(artifact?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''s%C3%A4ge.html");
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('private, no-store');
  });

  test('a real PNG is shown inline; what only claims to be one is downloaded', async () => {
    const { body } = await server.call('python_run', {
      code: `${pythonPicture}
open("/work/out/a.png", "wb").write(picture)
open("/work/out/b.png", "w").write("<svg onload=1>")`,
    });
    const [picture, claim] = await Promise.all((body.artifacts as Artifact[]).map(download));
    expect(picture?.headers.get('content-type')).toBe('image/png');
    expect(picture?.headers.get('content-disposition')).toBe('inline');
    expect(picture?.data.subarray(1, 4).toString()).toBe('PNG');
    expect(claim?.headers.get('content-type')).toBe('application/octet-stream');
    expect(claim?.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''b.png");
  });

  test('belong to the caller: another principal finds none, each download is on the record', async () => {
    const { body } = await server.call('shell_run', { script: 'echo mine > /work/out/mine.txt' });
    const [artifact] = body.artifacts as Artifact[];
    const other = await server.keyFor('other', ['developer'], ['call']);
    const url = artifact?.url ?? '';
    expect((await server.request('GET', url, { key: other })).body.code).toBe('not_found');
    expect((await server.request('GET', url)).body).toBe('mine\n');
    const read = await server.request('GET', `/v1/audit/events?type=artifact_read&callId=${body.id}`);
    expect(read.body.items).toHaveLength(1);
  });
});

test('a planted key is redacted in stdout and in an artifact, and is nowhere in the record', async () => {
  const { body } = await server.call('python_run', {
    code: `key = ${pythonSecret}\nprint("key", key)\nopen("/work/out/t.txt", "w").write("id=" + key + "\\nend\\n")`,
  });
  expect(body.status).toBe('succeeded');
  expect(body.output.stdout).toMatch(/^key \[REDACTED:aws-access-key-id:[0-9a-f]+\]\n$/);
  expect(body.boundary).toMatchObject({
    verdict: 'redacted',
    findings: [
      { detector: 'aws-access-key-id', action: 'redact', where: 'stdout@4' },
      { detector: 'aws-access-key-id', action: 'redact', where: '/artifacts/0@3' },
    ],
  });
  const { data } = await download(body.artifacts[0]);
  expect(data.toString()).toMatch(/^id=\[REDACTED:aws-access-key-id:[0-9a-f]+\]\nend\n$/);
  const record = await server.request('GET', `/v1/audit/events?callId=${body.id}`);
  expect(JSON.stringify([body, record.body])).not.toContain(secret);
});

describe('node_run', () => {
  test('runs on Node with its modules, and prints', async () => {
    const code =
      "import { basename } from 'node:path';\nconsole.log('hi');\nexport default (input) => basename(input.at);";
    expect((await server.call('node_run', { code, input: { at: '/a/b' } })).body).toMatchObject({
      status: 'succeeded',
      result: 'b',
      output: { stdout: 'hi\n' },
    });
  });

  test('code that throws has its own line in the stack', async () => {
    const { body } = await server.call('node_run', { code: 'const a = 1;\nthrow new RangeError("too far")' });
    expect(body).toMatchObject({ status: 'failed', error: { name: 'RangeError', message: 'too far' } });
    expect(body.error.stack).toContain('<code>:2:');
  });
});

test('shell_run: an exit code other than 0 is still a success of the call', async () => {
  const { body } = await server.call('shell_run', { script: 'echo out; echo err >&2; exit 3' });
  expect(body).toMatchObject({
    status: 'succeeded',
    result: { exitCode: 3 },
    output: { stdout: 'out\n', stderr: 'err\n' },
  });
});

describe('limits', () => {
  test('the deadline of the request ends an endless script', async () => {
    const { body } = await server.call(
      'shell_run',
      { script: 'echo on; while :; do :; done' },
      { limits: { timeoutMs: 300 } },
    );
    expect(body).toMatchObject({
      status: 'timed_out',
      result: null,
      output: { stdout: 'on\n' },
      limits: { timeoutMs: 300 },
    });
    expect(body.usage.wallMs).toBeLessThan(2000);
  });

  test('more memory than the tool has is out_of_memory', async () => {
    const { body } = await server.call('python_run', { code: 'b"x" * (2 * 1024**3)' });
    expect(body).toMatchObject({ status: 'out_of_memory', result: null, error: null });
    expect(body.usage.memoryPeakBytes).toBeLessThanOrEqual(512 * 1024 * 1024);
  });

  test('a result above the narrowed limit is output_limit; at the limit it passes', async () => {
    const limits = { outputBytes: 1000 };
    const over = await server.call('python_run', { code: '"x" * 999' }, { limits });
    expect(over.body).toMatchObject({ status: 'output_limit', result: null });
    const fits = await server.call('python_run', { code: '"x" * 998' }, { limits });
    expect(fits.body.status).toBe('succeeded');
  });

  test('output above the narrowed limit is cut, and says how much', async () => {
    const { body } = await server.call(
      'python_run',
      { code: 'print("x" * 2000)' },
      { limits: { logBytes: 1000 } },
    );
    expect(body.status).toBe('succeeded');
    expect(body.output.stdout).toBe('x'.repeat(1000));
    expect(body.output.truncated).toEqual([{ stream: 'stdout', keptBytes: 1000, droppedBytes: 1001 }]);
  });

  test('artifacts above the tool’s limit are dropped and named', async () => {
    const { body } = await server.call('shell_run', {
      script: 'echo small > /work/out/a.txt; head -c 17000000 /dev/zero > /work/out/b.bin',
    });
    expect((body.artifacts as Artifact[]).map(({ name }) => name)).toEqual(['a.txt']);
    expect(body.output.truncated).toEqual([
      expect.objectContaining({ stream: 'artifacts', droppedBytes: 17_000_000 }),
    ]);
  });

  test('a request cannot widen a limit, nor name one that shapes the sandbox', async () => {
    const created = events.of('create').length;
    const wider = await server.call('python_run', { code: '1' }, { limits: { timeoutMs: 30_001 } });
    expect(wider).toMatchObject({
      status: 422,
      body: { code: 'limit_exceeds_policy', limit: 'timeoutMs', limitMax: 30_000 },
    });
    const shape = await server.call('python_run', { code: '1' }, { limits: { memoryMiB: 64 } });
    expect(shape).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
    expect(events.of('create')).toHaveLength(created);
  });
});

test('sixteen calls at once all end well, each in a container of its own', async () => {
  const created = events.of('create').length;
  const answers = await Promise.all(
    [...Array(16).keys()].map((n) => server.call('shell_run', { script: `exit ${n}` })),
  );
  expect(answers.map(({ body }) => body.result?.exitCode)).toEqual([...Array(16).keys()]);
  await events.allDestroyed();
  expect(new Set(events.of('create')).size - created).toBe(16);
});

test('no call of this file has left a container', async () => {
  await events.allDestroyed();
  expect(events.of('create').length).toBeGreaterThan(30);
  expect(await events.count()).toBe(0);
});
