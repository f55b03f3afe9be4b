/** `kill -9` of the server between the steps of an approval: nothing that waits is lost, nothing runs twice or unasked. */
import { rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gone, untilBusy } from '../support/processes.ts';
import { refundDirectory, writeRefundPolicy } from '../support/refund-policy.ts';
import { startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const approve = { decision: 'approve', reason: 'fine' };

let policyDir = '';
let dataDir = '';
let mia = '';
beforeEach(() => {
  policyDir = refundDirectory();
});
afterEach(() => {
  for (const directory of [policyDir, dataDir]) rmSync(directory, { recursive: true });
});

/** The first server, with its data directory kept for the next, and a lead. */
async function first(): Promise<TestServer> {
  const server = await startServer({ policyDir, environment: noEngine });
  ({ dataDir } = server);
  mia = await server.keyFor('mia', ['lead'], ['approve']);
  return server;
}

const next = (): Promise<TestServer> => startServer({ policyDir, dataDir, environment: noEngine });

async function kill(server: TestServer): Promise<void> {
  const runner = server.runnerPid;
  await server.stop('SIGKILL');
  await gone(runner);
}

function decide(server: TestServer, id: string, body: object = approve): Promise<Answer> {
  return server.request('POST', `/v1/approvals/${id}`, { key: mia, body });
}

async function types(server: TestServer, callId: string): Promise<readonly string[]> {
  const { body } = await server.request('GET', `/v1/audit/events?order=asc&callId=${callId}`);
  return (body.items as { type: string }[]).map(({ type }) => type);
}

async function ended(server: TestServer, id: string): Promise<Answer['body']> {
  for (;;) {
    const { body } = await server.request('GET', `/v1/calls/${id}`);
    if (body.status !== 'running') return body;
  }
}

test('while it waits: it waits on, and can be approved by the next process', async () => {
  const before = await first();
  const { body } = await before.call('refund', { cents: 5000 });
  await kill(before);
  await using after = await next();
  expect((await after.request('GET', `/v1/calls/${body.id}`)).body).toEqual(body);
  expect((await decide(after, body.approval.id)).status).toBe(200);
  expect(await ended(after, body.id)).toMatchObject({ status: 'succeeded', result: { paid: 5000 } });
  expect(await types(after, body.id)).toEqual([
    'approval_requested',
    'approval_decided',
    'intent',
    'outcome',
  ]);
  expect((await after.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
});

test('after it was approved, while it runs: unknown, and it never runs again', async () => {
  rmSync(policyDir, { recursive: true });
  policyDir = refundDirectory({ slow: true });
  const before = await first();
  const { body } = await before.call('refund', { cents: 5000 });
  expect((await decide(before, body.approval.id)).status).toBe(200);
  await untilBusy(before.runnerPid);
  await kill(before);
  await using after = await next();
  expect(await ended(after, body.id)).toMatchObject({ status: 'unknown', approval: { status: 'approved' } });
  expect((await decide(after, body.approval.id)).body.approvalStatus).toBe('approved');
  expect(await types(after, body.id)).toEqual([
    'approval_requested',
    'approval_decided',
    'intent',
    'outcome',
  ]);
});

test('after it was rejected, cancelled or voided: that is how it stays', async () => {
  const before = await first();
  const calls = await Promise.all([1, 2, 3].map(() => before.call('refund', { cents: 5000 })));
  const [rejected, cancelled, voided] = calls.map(({ body }) => body);
  await decide(before, rejected.approval.id, { decision: 'reject', reason: 'no' });
  await before.request('DELETE', `/v1/calls/${cancelled.id}`);
  await kill(before);
  writeRefundPolicy(policyDir, { more: '    - {name: off, effect: deny, tools: [refund]}' });
  const between = await next();
  expect((await decide(between, voided.approval.id)).body.approvalStatus).toBe('voided');
  await kill(between);
  writeRefundPolicy(policyDir);
  await using after = await next();
  const statuses = ['rejected', 'cancelled', 'voided'];
  for (const [index, { id, approval }] of [rejected, cancelled, voided].entries()) {
    expect((await after.request('GET', `/v1/calls/${id}`)).body.status).toBe(statuses[index]);
    expect((await decide(after, approval.id)).status).toBe(409);
    expect(await types(after, id)).not.toContain('intent');
  }
});

test('past its time: the next process ends it, and not before', async () => {
  rmSync(policyDir, { recursive: true });
  policyDir = refundDirectory({ expires: '2s' });
  const before = await first();
  const { body } = await before.call('refund', { cents: 5000 });
  await kill(before);
  await using after = await next();
  let call = body;
  while (call.status === 'pending_approval') call = (await after.request('GET', `/v1/calls/${body.id}`)).body;
  expect(call).toMatchObject({ status: 'rejected', approval: { status: 'expired' } });
  expect(Date.parse(call.finishedAt)).toBeGreaterThanOrEqual(Date.parse(body.approval.expiresAt));
  expect(await types(after, body.id)).toEqual(['approval_requested', 'approval_expired']);
});

test('at any moment of an approval: either it waits still, or it began once', async () => {
  let server = await first();
  const outcomes: string[] = [];
  // The last one is answered first.
  for (const killAfterMs of [0, 2, 4, 6, 8, 12, null]) {
    const { body } = await server.call('refund', { cents: 5000 });
    const answer = decide(server, body.approval.id).catch(() => null);
    // A place in the middle of the approval, somewhere else each time; nothing is waited for.
    if (killAfterMs === null) await answer;
    else for (const end = performance.now() + killAfterMs; performance.now() < end;) await nextTurn();
    await kill(server);
    const approved = await answer;
    server = await next();
    const call = await ended(server, body.id);
    const events = await types(server, body.id);
    outcomes.push(call.status);
    if (call.status === 'pending_approval') {
      expect(approved).toBeNull();
      expect(events).toEqual(['approval_requested']);
      expect((await decide(server, body.approval.id)).status).toBe(200);
      expect(await ended(server, body.id)).toMatchObject({ status: 'succeeded' });
    } else {
      expect(['unknown', 'succeeded']).toContain(call.status);
      expect(events).toEqual(['approval_requested', 'approval_decided', 'intent', 'outcome']);
      expect((await decide(server, body.approval.id)).status).toBe(409);
    }
    expect((await server.request('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
  }
  await server[Symbol.asyncDispose]();
  expect(outcomes.at(-1)).not.toBe('pending_approval');
}, 120_000);

test('SIGTERM lets an approved call end, and what waits wait on', async () => {
  const before = await first();
  const [running, waiting] = [
    (await before.call('refund', { cents: 5000 })).body,
    (await before.call('refund', { cents: 6000 })).body,
  ];
  await decide(before, running.approval.id);
  expect(await before.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  await using after = await next();
  expect(await ended(after, running.id)).toMatchObject({ status: 'succeeded', result: { paid: 5000 } });
  expect((await after.request('GET', `/v1/calls/${waiting.id}`)).body.status).toBe('pending_approval');
});
