import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refundDirectory } from '../support/refund-policy.ts';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const approve = { decision: 'approve', reason: 'agreed with ana' };

let server: TestServer;
let ana = '';
let mia = '';
beforeAll(async () => {
  server = await startServer({ policyDir: refundDirectory(), environment: noEngine });
  ana = await server.keyFor('ana', [], ['call']);
  mia = await server.keyFor('mia', ['lead'], ['approve']);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function ask(args: object = { cents: 5000 }, headers: Record<string, string> = {}): Promise<Answer> {
  return server.request('POST', '/v1/calls', { key: ana, body: { tool: 'refund', args }, headers });
}

function decide(id: string, body: unknown, key = mia): Promise<Answer> {
  return server.request('POST', `/v1/approvals/${id}`, { key, body });
}

/** Asks for the call until it has ended; the attempts are bounded by the test's own time limit. */
async function ended(id: string, of = server): Promise<Answer['body']> {
  for (;;) {
    const { body } = await of.request('GET', `/v1/calls/${id}`);
    if (body.status !== 'running' && body.status !== 'pending_approval') return body;
  }
}

describe('a call that needs approval', () => {
  test('is answered with 202 and where to ask, waits, is approved by somebody else, and runs', async () => {
    const asked = await ask({ cents: 5000, note: 'for order 17' });
    expect(asked).toMatchObject({
      status: 202,
      body: {
        status: 'pending_approval',
        result: null,
        decision: { effect: 'require_approval', policy: 'payers', rule: 'large' },
        approval: { status: 'pending', decidedAt: null, reason: null },
        startedAt: null,
        finishedAt: null,
      },
    });
    const { id, approval } = asked.body;
    expect(asked.headers.get('location')).toBe(`/v1/calls/${id}`);
    expect((await server.request('GET', `/v1/calls/${id}`, { key: ana })).body).toEqual(asked.body);

    const list = await server.request('GET', '/v1/approvals?status=pending', { key: mia });
    expect(list.body.items).toMatchObject([
      { id: approval.id, callId: id, tool: 'refund', principal: 'ana', reasons: ['A lead has to agree.'] },
    ]);
    expect(list.body.items[0]).not.toHaveProperty('args');
    const shown = await server.request('GET', `/v1/approvals/${approval.id}`, { key: mia });
    expect(shown.body).toMatchObject({
      args: { cents: 5000, note: 'for order 17' },
      isComplete: true,
      hindrance: null,
      matched: ['payers/large'],
      digest: expect.stringMatching(/^hmac-sha256:[0-9a-f]{64}$/),
    });
    expect(shown.headers.get('cache-control')).toBe('no-store');

    const decided = await decide(approval.id, approve);
    expect(decided).toMatchObject({
      status: 200,
      body: { approval: { status: 'approved', decidedBy: 'mia' }, call: { id, status: 'running' } },
    });
    const call = await ended(id);
    expect(call).toMatchObject({
      status: 'succeeded',
      result: { paid: 5000 },
      createdAt: asked.body.createdAt,
      approval: { id: approval.id, status: 'approved', reason: null },
    });
    expect(Object.keys(call).toSorted()).toEqual(Object.keys(asked.body).toSorted());

    const events = await server.request('GET', `/v1/audit/events?order=asc&callId=${id}`);
    expect(events.body.items).toMatchObject([
      {
        type: 'approval_requested',
        principal: 'ana',
        status: 'pending_approval',
        content: { args: { cents: 5000 } },
      },
      {
        type: 'approval_decided',
        principal: 'mia',
        status: 'approved',
        details: { decision: 'approve', qualifies: [{ rule: 'payers/large', as: 'role lead' }] },
        content: { reason: 'agreed with ana' },
      },
      { type: 'intent', principal: 'ana', details: { approvalId: approval.id } },
      { type: 'outcome', status: 'succeeded' },
    ]);
  });

  test('is rejected with a reason that its caller reads; a later approval is a 409 that says so', async () => {
    const { body } = await ask();
    const { id } = body.approval;
    const rejected = await decide(id, { decision: 'reject', reason: 'order 17 was paid back before' });
    expect(rejected.body.call).toMatchObject({ status: 'rejected' });
    expect((await server.request('GET', `/v1/calls/${body.id}`, { key: ana })).body).toMatchObject({
      status: 'rejected',
      approval: { status: 'rejected', reason: 'order 17 was paid back before' },
    });
    const again = await decide(id, approve);
    expect(again).toMatchObject({
      status: 409,
      body: {
        status: 409,
        code: 'approval_settled',
        approvalStatus: 'rejected',
        callId: body.id,
        detail: expect.stringContaining('was rejected before (order 17 was paid back before)'),
      },
    });
  });

  test('does not exist for those whom no rule accepts, nor for another tenant’s leads', async () => {
    const { body } = await ask();
    const { id } = body.approval;
    const others = await Promise.all([
      server.keyFor('dev', ['developer'], ['approve']),
      server.keyFor('foreign', ['lead'], ['approve'], 'other'),
    ]);
    for (const key of others) {
      expect((await server.request('GET', `/v1/approvals/${id}`, { key })).status).toBe(404);
      expect(await decide(id, approve, key)).toMatchObject({ status: 404, body: { code: 'not_found' } });
      const list = await server.request('GET', '/v1/approvals', { key });
      expect(list.body).toEqual({ items: [], nextCursor: null });
      const one = await server.request('GET', '/v1/approvals?limit=1', { key });
      expect(one.body).toEqual({ items: [], nextCursor: null });
    }
    expect((await decide(id, approve, ana)).status).toBe(403);
    expect((await server.request('GET', '/v1/approvals', { key: ana })).body.code).toBe('insufficient_scope');
  });

  test('cannot be decided by its own caller, with whatever key', async () => {
    const lead = await server.keyFor('leo', ['lead'], ['call', 'approve']);
    const second = await server.keyFor('leo', ['lead'], ['approve']);
    const asked = await server.request('POST', '/v1/calls', {
      key: lead,
      body: { tool: 'refund', args: { cents: 5000 } },
    });
    for (const key of [lead, second]) {
      expect(await decide(asked.body.approval.id, approve, key)).toMatchObject({
        status: 403,
        body: { code: 'approval_forbidden' },
      });
    }
    const denied = await server.request('GET', `/v1/audit/events?type=denied&callId=${asked.body.id}`);
    expect(denied.body.items).toMatchObject([
      { principal: 'leo', status: 'approval_forbidden' },
      { principal: 'leo', status: 'approval_forbidden' },
    ]);
  });

  test('keeps its idempotency key: a replay shows it as it stands, another body is refused', async () => {
    const headers = { 'Idempotency-Key': 'refund-17' };
    const first = await ask({ cents: 7000 }, headers);
    const replay = await ask({ cents: 7000 }, headers);
    expect(replay).toMatchObject({ status: 202, body: { id: first.body.id, status: 'pending_approval' } });
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect((await ask({ cents: 7001 }, headers)).body.code).toBe('idempotency_mismatch');
    await decide(first.body.approval.id, approve);
    await ended(first.body.id);
    expect(await ask({ cents: 7000 }, headers)).toMatchObject({
      status: 200,
      body: { id: first.body.id, status: 'succeeded' },
    });
  });

  test('is taken back by its caller, and by nobody else', async () => {
    const { body } = await ask();
    const other = await server.keyFor('ben', [], ['call', 'audit']);
    const path = `/v1/calls/${body.id}`;
    expect((await server.request('DELETE', path, { key: other })).status).toBe(404);
    expect(await server.request('DELETE', path, { key: ana })).toMatchObject({
      status: 200,
      body: { status: 'cancelled', approval: { status: 'cancelled' } },
    });
    expect((await server.request('DELETE', path, { key: ana })).status).toBe(200);
    expect((await decide(body.approval.id, approve)).body.approvalStatus).toBe('cancelled');
    const events = await server.request('GET', `/v1/audit/events?type=call_cancelled&callId=${body.id}`);
    expect(events.body.items).toMatchObject([{ principal: 'ana', details: { was: 'pending_approval' } }]);
  });

  test('leaves nothing of its arguments outside the seal, and nothing at all once it is decided', async () => {
    const token = ['ghp', 'zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17'].join('_');
    const { body } = await ask({ cents: 5000, note: token });
    const files = readdirSync(server.dataDir).filter((name) => name.startsWith('record.db'));
    const holds = (text: string): boolean =>
      files.some((name) => readFileSync(join(server.dataDir, name)).includes(text));
    expect(holds(body.id)).toBe(true);
    expect(holds(token)).toBe(false);
    expect(statSync(join(server.dataDir, 'sealing.key')).mode & 0o777).toBe(0o600);
    expect(
      (await server.request('GET', `/v1/approvals/${body.approval.id}`, { key: mia })).body,
    ).toMatchObject({
      isComplete: false,
    });
  });
});

describe('requests that do not fit', () => {
  test.each([
    [{ decision: 'maybe', reason: 'x' }, 400],
    [{ decision: 'approve' }, 400],
    [{ decision: 'approve', reason: '' }, 400],
    [{ decision: 'approve', reason: 'x', args: {} }, 400],
  ])('%j', async (body, status) => {
    expect((await decide('apr_none', body)).status).toBe(status);
  });

  test('unknown ids, statuses, cursors and limits', async () => {
    expect((await decide('apr_none', approve)).status).toBe(404);
    for (const query of ['status=open', 'cursor=x', 'limit=0', 'limit=101', 'tool=x'])
      expect((await server.request('GET', `/v1/approvals?${query}`, { key: mia })).status).toBe(400);
  });

  test('pages reach every approval once', async () => {
    for (let count = 0; count < 5; count += 1) await ask();
    const all = (await server.request('GET', '/v1/approvals', { key: mia })).body.items as { id: string }[];
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await server.request('GET', `/v1/approvals?limit=2${query}`, { key: mia });
      seen.push(...(body.items as { id: string }[]).map(({ id }) => id));
      cursor = body.nextCursor as string | null;
    }
    expect(seen).toEqual(all.map(({ id }) => id));
  });
});

test('nobody decides in time: rejected by the timer', async () => {
  await using quick = await startServer({
    policyDir: refundDirectory({ expires: '300ms' }),
    environment: noEngine,
  });
  const asked = await quick.call('refund', { cents: 5000 });
  expect(await ended(asked.body.id, quick)).toMatchObject({
    status: 'rejected',
    approval: { status: 'expired', reason: 'nobody decided in time' },
  });
  const events = await quick.request('GET', '/v1/audit/events?type=approval_expired');
  expect(events.body.items).toHaveLength(1);
});

test('a call that runs is ended for its owner', async () => {
  await using slow = await startServer({ policyDir: refundDirectory({ slow: true }), environment: noEngine });
  const running = slow.call('refund', { cents: 1 });
  let id: string | undefined;
  while (id === undefined) {
    const { body } = await slow.request('GET', '/v1/audit/events?type=intent');
    id = (body.items as { callId: string }[])[0]?.callId;
  }
  expect(await slow.request('DELETE', `/v1/calls/${id}`)).toMatchObject({
    status: 202,
    body: { status: 'running' },
  });
  expect((await running).body.status).not.toBe('succeeded');
  expect(await slow.request('GET', `/v1/calls/${id}`)).toMatchObject({ body: { status: 'cancelled' } });
  const events = await slow.request('GET', `/v1/audit/events?type=call_cancelled&callId=${id}`);
  expect(events.body.items).toMatchObject([{ details: { was: 'running' } }]);
});

describe('sallyport approvals', () => {
  const cli = (args: readonly string[], key = mia) =>
    runCli(args, { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: key });

  test('lists, shows, approves and rejects', async () => {
    const waiting = await runCli(['call', 'refund', '--arg', 'cents=6000'], {
      SALLYPORT_URL: server.url,
      SALLYPORT_API_KEY: ana,
    });
    expect(waiting.code).toBe(1);
    const { approval, id: callId } = JSON.parse(waiting.stdout);
    const list = JSON.parse((await cli(['approvals', 'list'])).stdout);
    expect(list.items[0].id).toBe(approval.id);
    const shown = JSON.parse((await cli(['approvals', 'show', approval.id])).stdout);
    expect(shown).toMatchObject({ id: approval.id, args: { cents: 6000 } });
    const approved = await cli(['approvals', 'approve', approval.id, '--reason', 'fine']);
    expect(approved.code).toBe(0);
    expect(await ended(callId)).toMatchObject({ result: { paid: 6000 } });
    const again = await cli(['approvals', 'reject', approval.id, '--reason', 'late']);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('approval_settled') });
    expect((await cli(['approvals', 'approve', approval.id])).code).toBe(2);
  });
});
