/**
 * What an api can ask of the runner, compromised or not, changes no more of a container than its documented fields, and
 * those only downwards. The frames are made by hand: nothing of the api's own code stands between them and the runner.
 */
import { createServer, connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { containerSpec } from '../../../src/execution/container/host-config.ts';
import type { ContainerExecutor } from '../../../src/execution/container/container-executor.ts';
import { FrameDecoder } from '../../../src/execution/protocol/frame-decoder.ts';
import { encodeControl, encodeFrame, frameTypes } from '../../../src/execution/protocol/frame.ts';
import type { FrameType } from '../../../src/execution/protocol/frame.ts';
import { protocolVersion } from '../../../src/execution/runner/messages.ts';
import { RunnerServer } from '../../../src/execution/runner/runner-server.ts';
import { SeenCalls } from '../../../src/execution/runner/seen-calls.ts';
import { openExecutor, profileOf, silentLogger } from '../../support/container-calls.ts';
import { RecordingEngine, recordedImageId } from '../../support/recording-engine.ts';

const digest = `python@sha256:${'0'.repeat(64)}`;
const sessions = { idleMs: 60_000, lifetimeMs: 120_000, perPrincipal: 2, perTenant: 8 };
const profile = profileOf('python', {
  image: { name: 'python', source: { from: 'digest', reference: digest }, entry: 'json', sessions },
});
const revision = 'sha256:a';
const seenCalls = new SeenCalls();
const folder = mkdtempSync(path.join(tmpdir(), 'requests-'));
const door = createServer();

let engine: RecordingEngine;
let executor: ContainerExecutor;
beforeAll(async () => {
  engine = await RecordingEngine.start();
  executor = openExecutor({ dockerHost: engine.address, instance: 'i' });
  door.listen(path.join(folder, 's'));
  await once(door, 'listening');
});
afterAll(async () => {
  await executor[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  door.close();
  rmSync(folder, { recursive: true });
});

/** Sends frames after the greeting; resolves once the runner has answered them, or has hung up. */
async function send(frames: readonly Uint8Array[]): Promise<void> {
  const accepted = once(door, 'connection') as Promise<[Socket]>;
  const api = connect(path.join(folder, 's'));
  const [stream] = await accepted;
  void new RunnerServer({
    stream,
    revisions: {
      hold: async () => revision,
      profileOf: (asked, tool) => (asked === revision && tool === profile.tool ? profile : null),
    },
    executors: Promise.resolve([executor]),
    seenCalls,
    logger: silentLogger,
    onClosed: () => {},
  });
  const decoder = new FrameDecoder(Object.keys(frameTypes) as FrameType[]);
  await new Promise<void>((resolve) => {
    api.on('close', () => resolve());
    api.on('error', () => {});
    api.on('data', (chunk: Buffer) => {
      decoder.decode(chunk, ({ type }) => {
        if (type === 'hello') for (const frame of frames) api.write(frame);
        else if (type !== 'credit' && type !== 'started') resolve();
      });
    });
    api.write(encodeControl('hello', 0, { protocol: protocolVersion, revision }));
  });
  api.destroy();
}

const meaningful =
  'HostConfig Image image Binds Mounts Privileged Runtime engineRuntime profile CapAdd NetworkMode User Env Labels labels __proto__ constructor kind runtime session sessionId reuse network mounts size own cgroupParent SecurityOpt'.split(
    ' ',
  );
/** Names that the engine, Node and this project give a meaning to, among any others. */
const names = fc.oneof(fc.constantFrom(...meaningful), fc.string());
const anything = fc.dictionary(names, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });
/** Mostly such that the engine is reached. */
const amount = fc.oneof(
  { arbitrary: fc.integer({ min: 16, max: 2 ** 31 }), weight: 20 },
  { arbitrary: fc.double({ min: 16, max: 1e9, noNaN: true }), weight: 10 },
  { arbitrary: fc.constantFrom(0, 1, 1e-9, 0.5, 3, 1e15, -1), weight: 1 },
);
const limits = fc.record(
  {
    timeoutMs: amount,
    memoryMiB: amount,
    cpus: amount,
    pids: amount,
    outputBytes: amount,
    logBytes: amount,
    artifactBytes: amount,
    hostCalls: amount,
  },
  { noNullPrototype: true },
);
const text = fc.string({ minLength: 1, maxLength: 40 });
const golden = containerSpec(profile, {
  imageId: recordedImageId,
  cgroupParent: 'sallyport.slice',
  labels: {},
});

/** Every field of what the engine was asked for, held against what policy alone makes of it. */
function expectGolden(body: unknown): void {
  const { HostConfig: host, Labels, ...rest } = body as typeof golden & { Labels: Record<string, string> };
  const { HostConfig: own = {}, Labels: _labels, ...expected } = golden;
  expect(rest).toEqual(expected);
  expect(Object.keys(Labels)).toEqual(['sallyport.instance', 'sallyport.call', 'sallyport.deadline']);
  expect(Labels['sallyport.instance']).toBe('i');
  expect(Labels['sallyport.call']).toMatch(/^box_[0-9a-f-]{36}$/);
  const { Memory = 0, MemorySwap, NanoCpus = 0, PidsLimit, ...same } = host ?? {};
  const memoryMiB = Memory / 1_048_576;
  // The one thing that a request may do: take away.
  expect(memoryMiB).toBeLessThanOrEqual(profile.limits.memoryMiB);
  expect(NanoCpus).toBeLessThanOrEqual(profile.limits.cpus * 1e9);
  expect(PidsLimit).toBeLessThanOrEqual(profile.limits.pids);
  expect(Math.min(Memory, NanoCpus, PidsLimit ?? 0)).toBeGreaterThan(0);
  expect(MemorySwap).toBe(Memory);
  const narrowed = containerSpec(
    { ...profile, limits: { ...profile.limits, memoryMiB } },
    { imageId: recordedImageId, cgroupParent: 'sallyport.slice', labels: {} },
  ).HostConfig;
  const { Tmpfs, Ulimits } = narrowed ?? {};
  expect(same).toEqual({ ...without(own), Tmpfs, Ulimits });
}

function without(host: NonNullable<typeof golden.HostConfig>): object {
  const { Memory: _m, MemorySwap: _s, NanoCpus: _n, PidsLimit: _p, ...rest } = host;
  return rest;
}

let lastCall = 0;
function freshId(prefix: string): string {
  lastCall += 1;
  return `${prefix}_${String(lastCall).padStart(26, '0')}`;
}

const bodyKeys: ReadonlySet<string> = new Set([...Object.keys(golden), 'Labels']);

/** How many of the requests came as far as the engine: a property over none would hold for nothing. */
let reached = 0;

function expectNothingElse(before: number): void {
  for (const body of engine.created.slice(before)) expectGolden(body);
  // The library repeats the body's fields there; the engine itself knows `name` and `platform`.
  for (const query of engine.queries.slice(before))
    expect([...new URLSearchParams(query).keys()].filter((key) => !bodyKeys.has(key))).toEqual([]);
  reached += engine.created.length - before;
}

test('no call, however it is worded, changes how its container is built', async () => {
  reached = 0;
  await fc.assert(
    fc.asyncProperty(
      anything,
      anything,
      limits,
      text,
      text,
      fc.integer({ max: 9, min: 0 }),
      async (more, args, asked, tenant, principal, pick) => {
        const before = engine.created.length;
        const body = Buffer.from(JSON.stringify({ ...args, code: '1' }));
        const run = {
          ...more,
          callId: freshId('call'),
          tenant,
          principal,
          revision: pick > 0 ? revision : tenant,
          tool: profile.tool,
          limits: { ...more, ...asked },
          argsBytes: body.length,
        };
        const channel = 1;
        await send([
          encodeControl('run', channel, run),
          encodeFrame('args', channel, body),
          encodeControl('end', channel, {}),
        ]);
        expectNothingElse(before);
      },
    ),
  );
  expect(reached).toBeGreaterThan(10);
});

test('nor does a session', async () => {
  reached = 0;
  await fc.assert(
    fc.asyncProperty(
      anything,
      limits,
      text,
      text,
      amount,
      amount,
      async (more, size, tenant, principal, idleMs, lifetimeMs) => {
        const before = engine.created.length;
        const open = {
          ...more,
          op: 'open',
          sessionId: freshId('ses'),
          tenant,
          principal,
          revision,
          tool: profile.tool,
          size: { ...more, ...size },
          idleMs,
          lifetimeMs,
        };
        await send([encodeControl('session', 1, open), encodeControl('end', 1, {})]);
        expectNothingElse(before);
      },
    ),
  );
  expect(reached).toBeGreaterThan(10);
});
