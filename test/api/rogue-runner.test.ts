/** A runner that was taken over, on the real link of the real server: no byte of it leaves unfiltered, and none piles up. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeControl, encodeFrame } from '../../src/execution/protocol/frame.ts';
import { FrameDecoder, parseControl } from '../../src/execution/protocol/frame-decoder.ts';
import { protocolVersion } from '../../src/execution/runner/messages.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

/** Of a token's shape, and nobody's. */
const token = `ghp_${'R4t8Zq2LmX7vB1nK5cYwE9sD3fGhJ6pUaTxQ'}`;
const runtime = { kind: 'isolate', confinement: 'process', image: null, warm: true };
const usage = { wallMs: 1, cpuMs: 1, memoryPeakBytes: 1, outputBytes: 1, truncated: [] };
const health = { kind: 'isolate', state: 'ok', confinement: 'process', reason: `see ${token}` };
const floodFrames = 4096;

type Answering = (channel: number, runner: Socket) => void;

const folder = mkdtempSync(join(tmpdir(), 'rogue-'));
const address = join(folder, 'runner.sock');
/** What becomes of the next calls. */
let answer: Answering = () => {};
let rogue: Server;
let server: TestServer;

beforeAll(async () => {
  rogue = createServer(serveRogue);
  await new Promise<void>((resolve) => rogue.listen(address, resolve));
  server = await startServer({ environment: { SALLYPORT_RUNNER: `unix:${address}` } });
  await server.logged(({ msg }) => msg === 'runner connected');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rogue.close();
  rmSync(folder, { recursive: true });
});

function serveRogue(socket: Socket): void {
  socket.on('error', () => {});
  const decoder = new FrameDecoder(['hello', 'run', 'args', 'end', 'cancel', 'ping', 'health', 'credit']);
  socket.on('data', (chunk: Buffer) =>
    decoder.decode(chunk, (frame) => {
      const { channel, type } = frame;
      if (type === 'hello') {
        const revision = String(parseControl(frame)?.['revision']);
        socket.write(encodeControl('hello', 0, { protocol: protocolVersion, revision }));
      }
      if (type === 'ping') socket.write(encodeControl('pong', 0, {}));
      if (type === 'health') socket.write(encodeControl('health', 0, { executors: [health] }));
      if (type === 'end') answer(channel, socket);
    }),
  );
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

const call = (): ReturnType<TestServer['call']> => server.call('js_run', { code: 'return 1' });

test('whatever it says of a call, and in whatever field, goes through the boundary', async () => {
  const seen: string[] = [];
  const look = async (): Promise<void> => {
    const { body } = await call();
    const callId: string = body.id ?? body.callId;
    const again = await server.request('GET', `/v1/calls/${callId}`);
    const story = await server.request('GET', `/v1/audit/calls/${callId}`);
    const artifacts = (body.artifacts ?? []) as { url: string }[];
    const contents = await Promise.all(artifacts.map(({ url }) => server.request('GET', url)));
    seen.push(JSON.stringify([body, again.body, story.body, contents.map(({ body: content }) => content)]));
  };
  answer = (channel, runner) => {
    runner.write(encodeControl('started', channel, runtime));
    runner.write(encodeFrame('stdout', channel, Buffer.from(`out ${token}`)));
    runner.write(encodeFrame('stderr', channel, Buffer.from(`err ${token}`)));
    runner.write(encodeFrame('result', channel, Buffer.from(JSON.stringify({ value: token }))));
    runner.write(encodeControl('artifact', channel, { name: `${token}.txt` }));
    runner.write(encodeFrame('artifactData', channel, Buffer.from(`text ${token}`)));
    runner.write(encodeControl('usage', channel, usage));
    runner.write(encodeControl('exit', channel, { reason: 'completed', error: null }));
  };
  await look();
  answer = (channel, runner) => {
    runner.write(encodeControl('started', channel, runtime));
    runner.write(encodeControl('usage', channel, usage));
    const error = { name: token, message: token, stack: token };
    runner.write(encodeControl('exit', channel, { reason: 'crashed', error }));
  };
  await look();
  answer = (channel, runner) =>
    runner.write(
      encodeControl('notStarted', channel, { code: 'runtime_unavailable', message: `no ${token}` }),
    );
  await look();
  const ready = await server.request('GET', '/ready');
  seen.push(JSON.stringify(ready.body));
  expect(seen[0]).toContain('"status":"succeeded"');
  expect(seen[1]).toContain('"status":"crashed"');
  expect(seen[2]).toContain('"runtime_unavailable"');
  expect(seen[3]).toContain('"confinement":"process"');
  for (const text of seen) {
    expect(text).toContain('[REDACTED:github-token');
    expect(text).not.toContain(token);
  }
});

test('a flood of prints costs it the call and the link, and the api no memory', async () => {
  await call();
  const before = residentBytes();
  answer = (channel, runner) => {
    runner.write(encodeControl('started', channel, runtime));
    const print = encodeFrame('stdout', channel, Buffer.alloc(64 * 1024, 'x'));
    for (let sent = 0; sent < floodFrames; sent += 1) runner.write(print);
  };
  const { body } = await call();
  expect(body).toMatchObject({ status: 'unknown', result: null, output: { stdout: '' } });
  expect(await server.logged(({ msg }) => msg === 'runner lost')).toMatchObject({
    reason: expect.stringContaining('more log bytes than the call may have'),
  });
  expect(residentBytes() - before).toBeLessThan(96 * 1024 * 1024);
});
