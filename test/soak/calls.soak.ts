import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const calls = Number(process.env['SOAK_RUNS']);
const clients = 8;
const warmUp = Math.ceil(calls / 10);
const rssGrowthMiBMax = 64;
const descriptorGrowthMax = 16;

const policy = `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: run, title: Run, description: Runs the caller's code.}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string, maxLength: 4000}}}
  runtime: {kind: isolate}
  limits: {timeout: 2s, memory: 64MiB, output: 16KiB, logs: 16KiB}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: everyone}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: [run]}]
`;

/** How guests end, and what the caller must then be told. The rare ones cost a worker process. */
const guests = [
  { code: 'return {sum: 6 * 7}', status: 'succeeded', every: 1 },
  { code: 'throw new RangeError("no")', status: 'failed', every: 5 },
  { code: 'console.log("x".repeat(100_000)); return 1', status: 'succeeded', every: 7 },
  { code: 'return "x".repeat(100_000)', status: 'output_limit', every: 50 },
  { code: 'for (;;);', status: 'timed_out', every: 200, limits: { timeoutMs: 50 } },
] as const;

let server: TestServer;
let policyDir: string;

beforeAll(async () => {
  policyDir = mkdtempSync(join(tmpdir(), 'sallyport-soak-'));
  writeFileSync(join(policyDir, 'policy.yaml'), policy);
  server = await startServer({ policyDir });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(policyDir, { recursive: true, force: true });
});

test('many calls of every ending: each is on the record once, the chain holds, memory and descriptors do not pile up', async () => {
  const acknowledged: string[] = [];
  await runCalls(0, warmUp, acknowledged);
  const before = footprint();
  await runCalls(warmUp, calls, acknowledged);
  const after = footprint();

  expect(await recordedOutcomes()).toEqual(acknowledged.toSorted());
  expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true, problems: [] });
  expect(after.rssMiB - before.rssMiB).toBeLessThan(rssGrowthMiBMax);
  expect(after.descriptors - before.descriptors).toBeLessThan(descriptorGrowthMax);
});

async function runCalls(from: number, to: number, acknowledged: string[]): Promise<void> {
  let next = from;
  const client = async (): Promise<void> => {
    while (next < to) {
      const guest = guests.findLast(({ every }) => next % every === 0) ?? guests[0];
      next += 1;
      const limits = 'limits' in guest ? { limits: guest.limits } : {};
      const answer = await server.call('run', { code: guest.code }, limits);
      expect(answer.body).toMatchObject({ status: guest.status });
      acknowledged.push(answer.body.id);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function recordedOutcomes(): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { body } = await server.request('GET', `/v1/audit/events?type=outcome&limit=1000&order=asc${page}`);
    ids.push(...body.items.map((event: { callId: string }) => event.callId));
    cursor = body.nextCursor;
  }
  return ids.toSorted();
}

function footprint(): { rssMiB: number; descriptors: number } {
  const process = `/proc/${server.child.pid}`;
  const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`${process}/status`, 'utf8'))?.[1]);
  return { rssMiB: rssKiB / 1024, descriptors: readdirSync(`${process}/fd`).length };
}
