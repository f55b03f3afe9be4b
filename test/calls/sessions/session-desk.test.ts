/** Sessions over a real record, with a runner that can be away, slow, or without memory. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RecordStore, StoredSession } from '../../../src/audit/record.ts';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import { executeCall } from '../../../src/calls/execute-call.ts';
import { SessionDesk } from '../../../src/calls/sessions/session-desk.ts';
import type { SessionContext } from '../../../src/calls/sessions/session-context.ts';
import { NotStarted } from '../../../src/execution/executor.ts';
import type { SessionHost } from '../../../src/execution/sessions.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { refundPolicy, WaitingCalls } from '../../support/waiting-calls.ts';

const policy = `${refundPolicy().replace('runtime: {kind: isolate}', 'runtime: {kind: container, image: till}')}
---
apiVersion: sallyport/v1
kind: Image
metadata: {name: till}
spec: {build: python, sessions: {idle: 1m, lifetime: 1h, perPrincipal: 2, perTenant: 3}}
`;
const runtime = { kind: 'container', confinement: 'none', image: null, warm: true } as const;
const away = new NotStarted('runtime_unavailable', 'The runner is down.');

let calls: WaitingCalls;
let ana: Caller;
let mia: Caller;
/** What the runner was asked, and how it answers. */
let asked: string[];
let host: { -readonly [K in keyof SessionHost]: SessionHost[K] };

beforeEach(async () => {
  calls = await WaitingCalls.open(policy);
  ana = await calls.person('ana', { roles: ['payer'] });
  mia = await calls.person('mia', { roles: ['lead'] });
  asked = [];
  host = {
    open: async () => ({ runner: 'r', runtime }),
    check: async () => true,
    close: async ({ place }) => void asked.push(`close ${place.id}`),
    exchange: async () => ({ kind: 'refused', error: 'failed' }),
    outlivesApi: () => true,
  };
});
afterEach(async () => await calls[Symbol.asyncDispose]());

async function desk(changes: Partial<SessionContext> = {}): Promise<SessionDesk> {
  return await SessionDesk.open({ ...calls.context, host, fileBytesMax: 1000, ...changes });
}

async function opened(at: SessionDesk): Promise<StoredSession> {
  const answer = await at.open(ana, { image: 'till' });
  if ('code' in answer) throw new Error(answer.detail);
  return answer;
}

async function endsOnRecord(): Promise<unknown[]> {
  const page = await calls.record.listEvents({
    tenant: null,
    type: 'session_closed',
    limit: 10,
    order: 'asc',
  });
  return page.items.map(({ status }) => status);
}

test('one that cannot be recorded is given back to the runner, and nobody hears of it', async () => {
  const openSessions = async (): Promise<readonly StoredSession[]> => [];
  const write = async (): Promise<never> => await Promise.reject(new RecordUnavailable('full'));
  await using at = await desk({ record: { ...calls.record, openSessions, write } as unknown as RecordStore });
  expect(await at.open(ana, { image: 'till' })).toMatchObject({ code: 'audit_unavailable' });
  expect(asked).toMatchObject([expect.stringMatching(/^close ses_/)]);
  expect(calls.context.sessions.all).toEqual([]);
  expect(await calls.record.openSessions()).toEqual([]);
});

test('one that ends while it is being opened ends on the record too', async () => {
  let at: SessionDesk | null = null;
  host.open = async ({ sessionId }) => {
    at?.ended(sessionId, 'container_ended');
    return { runner: 'r', runtime };
  };
  at = await desk();
  await using _at = at;
  const { session } = await opened(at);
  await at.stop();
  expect((await at.get(session.id))?.session).toMatchObject({
    status: 'ended',
    endReason: 'container_ended',
  });
  expect(await endsOnRecord()).toEqual(['container_ended']);
});

test('a principal and a tenant have a cap, those on their way counted, and are told which', async () => {
  await using at = await desk();
  const bob = await calls.person('bob', { roles: ['payer'] });
  const [first, second, third] = await Promise.all(
    [ana, ana, ana].map((who) => at.open(who, { image: 'till' })),
  );
  expect([first, second]).toEqual([
    expect.objectContaining({ tenant: 'acme' }),
    expect.objectContaining({ tenant: 'acme' }),
  ]);
  expect(third).toMatchObject({
    code: 'quota_exceeded',
    limit: 2,
    detail: expect.stringMatching(/^You have 2 /),
  });
  const both = await Promise.all([bob, bob].map((who) => at.open(who, { image: 'till' })));
  expect(both[0]).toMatchObject({ principal: 'bob' });
  expect(both[1]).toMatchObject({
    code: 'quota_exceeded',
    limit: 3,
    detail: expect.stringMatching(/^Your tenant has 3 .*DELETE/),
  });
});

test('a stop waits for what is being opened, and ends it; nothing is opened after that', async () => {
  const opening = Promise.withResolvers<Awaited<ReturnType<SessionHost['open']>>>();
  const isAsked = Promise.withResolvers<void>();
  host.open = async () => {
    isAsked.resolve();
    return await opening.promise;
  };
  host.outlivesApi = () => false;
  await using at = await desk();
  const answer = opened(at);
  await isAsked.promise;
  const stopped = at.stop();
  opening.resolve({ runner: 'r', runtime });
  const { session } = await answer;
  await stopped;
  expect((await at.get(session.id))?.session).toMatchObject({ status: 'ended', endReason: 'server_stopped' });
  expect(await at.open(ana, { image: 'till' })).toMatchObject({ code: 'draining' });
});

test('ended while the runner is away, it is over at once, and the runner is told when it is back', async () => {
  await using at = await desk();
  const { session } = await opened(at);
  const { close } = host;
  host.close = async () => await Promise.reject(away);
  expect(await at.end(ana, session.id)).toMatchObject({ session: { endReason: 'deleted' } });
  host.close = close;
  at.runnerServes('another');
  at.runnerServes('r');
  await at.stop();
  expect(asked).toEqual([`close ${session.id}`]);
  expect(await endsOnRecord()).toEqual(['deleted']);
});

test('whoever says so first, and however often, the end is written once', async () => {
  await using at = await desk();
  const { session } = await opened(at);
  at.ended(session.id, 'idle');
  at.ended(session.id, 'crashed');
  await at.end(ana, session.id);
  await at.stop();
  expect(await endsOnRecord()).toEqual(['idle']);
});

test('its lifetime is over also where its runner cannot be asked, for a call at once', async () => {
  await using at = await desk();
  const { session } = await opened(at);
  host.close = async () => await Promise.reject(away);
  calls.clock.advance(3_600_000);
  const claim = await calls.context.sessions.claim(ana.principal, session.id, { changes: false });
  expect(claim).toMatchObject({ code: 'session_ended' });
  await at.endOverdue();
  await at.stop();
  expect(await endsOnRecord()).toEqual(['lifetime']);
});

test.each([
  ['does not hold it', async () => false, ['runner_lost']],
  [
    'is no longer configured',
    async () => await Promise.reject(new NotStarted('session_ended', 'x')),
    ['runner_lost'],
  ],
  ['is away', async () => await Promise.reject(away), []],
  ['holds it', async () => true, []],
])('at a start, when its runner %s', async (_how, check, ends) => {
  {
    await using first = await desk();
    await opened(first);
  }
  for (const { stored } of calls.context.sessions.all) calls.context.sessions.remove(stored.session.id);
  host.check = check;
  await using second = await desk();
  await second.stop();
  expect(await endsOnRecord()).toEqual(ends);
  expect(calls.context.sessions.all).toHaveLength(1 - ends.length);
});

test.each(['nothing', 'a use of the session', 'its end'])(
  'a call that waits for approval in a session, and %s meanwhile',
  async (meanwhile) => {
    await using at = await desk();
    const { session } = await opened(at);
    const request = { tool: 'refund', args: { code: 'x', cents: 5000 }, limits: {}, labels: {} };
    const asking = { ...request, idempotencyKey: null, session: session.id };
    const waiting = await executeCall(calls.context, ana, asking);
    const id = waiting.kind === 'call' ? waiting.call.approval?.id : undefined;
    if (meanwhile === 'a use of the session') {
      const claim = await calls.context.sessions.claim(ana.principal, session.id, { changes: true });
      if ('code' in claim) throw new Error(claim.detail);
      claim[Symbol.dispose]();
    }
    if (meanwhile === 'its end') await at.end(ana, session.id);
    const answer = await calls.desk.decide(mia, id ?? '', { decision: 'approve', reason: 'fine' });
    await calls.detached[Symbol.asyncDispose]();
    if (meanwhile === 'nothing') {
      expect(answer).toMatchObject({ kind: 'decided', call: { session: session.id } });
      expect(calls.runs).toMatchObject([{ session: { id: session.id, runner: 'r' } }]);
    } else {
      expect(answer).toMatchObject({ refusal: { code: 'approval_settled', approvalStatus: 'voided' } });
      expect(calls.runs).toEqual([]);
    }
  },
);
