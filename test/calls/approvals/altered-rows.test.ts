/** Somebody with the database in hand: nothing that is altered, exchanged or put back ever runs. */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Approval } from '../../../src/model/approval.ts';
import type { Caller } from '../../../src/model/principal.ts';
import { WaitingCalls } from '../../support/waiting-calls.ts';

const approve = { decision: 'approve', reason: 'fine' } as const;
const hour = 3_600_000;

interface Waiting {
  readonly calls: WaitingCalls;
  readonly database: Database.Database;
  readonly mia: Caller;
  readonly approval: Approval;
  readonly other: Approval;
}

async function withDatabase(use: (waiting: Waiting) => Promise<void>): Promise<void> {
  await using calls = await WaitingCalls.open();
  const ana = await calls.person('ana', { roles: ['payer'] });
  const mia = await calls.person('mia', { roles: ['lead'] });
  const approval = await calls.ask(ana);
  const other = await calls.ask(ana, { code: 'y', cents: 9999 });
  const database = new Database(join(calls.dataDir, 'record.db'));
  try {
    await use({ calls, database, mia, approval, other });
  } finally {
    database.close();
  }
}

function rewrite({ database, approval }: Waiting, change: object): void {
  const body = JSON.stringify({ ...approval, ...change });
  database.prepare('UPDATE approvals SET body = ? WHERE id = ?').run(Buffer.from(body), approval.id);
}

const alterations: Readonly<Record<string, (waiting: Waiting) => unknown>> = {
  'a later expiry': (waiting) => {
    rewrite(waiting, { expiresAtMs: waiting.approval.expiresAtMs + hour });
  },
  'another digest': (waiting) => rewrite(waiting, { digest: waiting.other.digest }),
  'other approvers': (waiting) => rewrite(waiting, { approvers: [{ id: 'p/x', approvers: [{}] }] }),
  'another caller': (waiting) => rewrite(waiting, { principal: 'zoe' }),
  'another tenant': (waiting) =>
    rewrite(waiting, { tenant: 'other', approvers: [{ id: 'p/x', approvers: [{ tenants: ['*'] }] }] }),
  'no chain where there was one, or the other way round': (waiting) => rewrite(waiting, { act: ['x'] }),
  'another key': (waiting) => rewrite(waiting, { key: 'keymia' }),
  'another call': (waiting) => rewrite(waiting, { callId: waiting.other.callId }),
  'another tool digest': (waiting) => rewrite(waiting, { toolDigest: 'sha256:0' }),
  'other reasons': (waiting) => rewrite(waiting, { reasons: ['Only a small one.'] }),
  'the payload of another call': ({ database, approval, other }) => {
    database
      .prepare(
        'UPDATE pending_payloads SET sealed = (SELECT sealed FROM pending_payloads WHERE call_id = ?) WHERE call_id = ?',
      )
      .run(other.callId, approval.callId);
  },
  'one bit of the payload': async ({ calls, database, approval }) => {
    const sealed = Buffer.from((await calls.record.getPendingPayload(approval.callId))!);
    sealed[sealed.length - 1]! ^= 1;
    database.prepare('UPDATE pending_payloads SET sealed = ? WHERE call_id = ?').run(sealed, approval.callId);
  },
  'no payload': ({ database, approval }) => {
    database.prepare('DELETE FROM pending_payloads WHERE call_id = ?').run(approval.callId);
  },
  'an empty payload': ({ database, approval }) => {
    database
      .prepare('UPDATE pending_payloads SET sealed = ? WHERE call_id = ?')
      .run(Buffer.alloc(0), approval.callId);
  },
};

test.each(Object.entries(alterations))('%s never runs, and is void where it can be', async (_what, alter) => {
  await withDatabase(async (waiting) => {
    const { calls, mia, approval, other } = waiting;
    await alter(waiting);
    expect((await calls.desk.decide(mia, approval.id, approve)).kind).not.toBe('decided');
    expect(calls.runs).toEqual([]);
    expect(['voided', 'pending_approval']).toContain((await calls.call(approval)).status);
    // Its neighbour is as good as before.
    expect((await calls.call(other)).status).toBe('pending_approval');
    expect(await calls.desk.decide(mia, other.id, approve)).toMatchObject({ kind: 'decided' });
  });
});

test('an expiry column that was moved alone wins no time', async () => {
  await withDatabase(async ({ calls, database, mia, approval }) => {
    database.prepare('UPDATE approvals SET expires_at_ms = expires_at_ms + ?').run(10 * hour);
    calls.clock.advance(hour);
    expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
      refusal: { code: 'approval_settled', approvalStatus: 'expired' },
    });
    expect(calls.runs).toEqual([]);
  });
});

test('a status that was set to approved runs nothing, now or at the next start', async () => {
  await withDatabase(async ({ calls, database, mia, approval }) => {
    const body = JSON.stringify({ ...approval, status: 'approved' });
    database
      .prepare(`UPDATE approvals SET status = 'approved', body = ? WHERE id = ?`)
      .run(Buffer.from(body), approval.id);
    expect((await calls.desk.decide(mia, approval.id, approve)).kind).toBe('refused');
    expect(await calls.record.openCalls()).toEqual([]);
    expect(calls.runs).toEqual([]);
  });
});

test('a status column that was set alone lets nothing run either', async () => {
  await withDatabase(async ({ calls, database, mia, approval }) => {
    database.prepare(`UPDATE approvals SET status = 'rejected' WHERE id = ?`).run(approval.id);
    expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
      kind: 'refused',
      refusal: { code: 'approval_settled' },
    });
    expect(calls.runs).toEqual([]);
  });
});

test.each(['approve', 'reject', 'expire'] as const)(
  'everything put back as it was before it was decided (%s) runs no second time',
  async (end) => {
    await withDatabase(async ({ calls, database, mia, approval }) => {
      const tables = ['calls', 'approvals', 'pending_payloads'] as const;
      const key = { calls: 'id', approvals: 'call_id', pending_payloads: 'call_id' } as const;
      const kept = tables.map((table) =>
        database.prepare(`SELECT * FROM ${table} WHERE ${key[table]} = ?`).raw().get(approval.callId),
      ) as unknown[][];
      if (end === 'expire') calls.clock.advance(hour);
      await calls.desk.decide(mia, approval.id, {
        decision: end === 'reject' ? 'reject' : 'approve',
        reason: 'x',
      });
      await calls.detached[Symbol.asyncDispose]();
      const before = calls.runs.length;
      for (const [index, table] of tables.entries()) {
        const row = kept[index]!;
        const marks = row.map(() => '?').join(', ');
        database.pragma('foreign_keys = OFF');
        database.prepare(`INSERT OR REPLACE INTO ${table} VALUES (${marks})`).run(...row);
      }
      expect((await calls.call(approval)).status).toBe('pending_approval');
      calls.clock.set(approval.requestedAtMs);
      expect(await calls.desk.decide(mia, approval.id, approve)).toMatchObject({
        kind: 'refused',
        refusal: { code: 'approval_settled' },
      });
      await calls.detached[Symbol.asyncDispose]();
      expect(calls.runs).toHaveLength(before);
      expect((await calls.record.verify()).valid).toBe(false);
    });
  },
);

test('under another sealing key nothing opens, and approving it says so', async () => {
  const first = await WaitingCalls.open();
  const approval = await first.ask(await first.person('ana', { roles: ['payer'] }));
  const mia = await first.person('mia', { roles: ['lead'] });
  await first.close();
  await using again = await WaitingCalls.open(undefined, { dataDir: first.dataDir, firstId: 1000 });
  expect(await again.desk.show(mia, approval.id)).toMatchObject({ args: null, isComplete: false });
  expect(await again.desk.decide(mia, approval.id, approve)).toMatchObject({
    refusal: { approvalStatus: 'voided', detail: expect.stringContaining('the sealing key is another') },
  });
  expect(again.runs).toEqual([]);
});
