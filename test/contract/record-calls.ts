import { describe, expect, test } from 'vitest';
import { CallEnded, InvalidCursor } from '../../src/audit/record.ts';
import type { CallQuery } from '../../src/audit/call-listing.ts';
import type { RecordStore, RecordWrite } from '../../src/audit/record.ts';
import type { Call } from '../../src/model/call.ts';
import { draft, SetClock, sources, startMs, storedCall } from './record-fixtures.ts';
import type { UpkeepStore } from './record-upkeep.ts';

const everything: CallQuery = { tenant: null, principal: null, limit: 100 };
const owners = {
  alice: { tenant: 'default', principal: 'alice' },
  bob: { tenant: 'default', principal: 'bob' },
  carol: { tenant: 'other', principal: 'alice' },
};

/** `second` of the minute in which it was created. */
function written(id: string, second: number, change: Partial<Call> = {}, owner = owners.alice): RecordWrite {
  const createdAt = new Date(startMs + second * 1000).toISOString();
  const stored = { ...storedCall(id, change.status ?? 'succeeded', { createdAt, ...change }), ...owner };
  return { events: [draft('outcome', { callId: id, ...owner })], calls: [stored] };
}

async function ids(record: RecordStore, query: Partial<CallQuery>): Promise<readonly string[]> {
  const page = await record.listCalls({ ...everything, ...query });
  expect(page.nextCursor).toBeNull();
  return page.items.map(({ call }) => call.id);
}

/** What every store promises of lists of calls. */
export function recordCallsContract(name: string, store: UpkeepStore): void {
  describe(`${name}: calls`, () => {
    test('come newest first, page by page, also those of one moment, and when more are made meanwhile', async () => {
      await using record = await store.open('calls-pages', sources());
      for (const [id, second] of [
        ['call_b', 1],
        ['call_a', 1],
        ['call_d', 0],
        ['call_c', 2],
      ] as const)
        await record.write(written(id, second));
      const first = await record.listCalls({ ...everything, limit: 2 });
      expect(first.items.map(({ call }) => call.id)).toEqual(['call_c', 'call_b']);
      await record.write(written('call_e', 3));
      const rest = await record.listCalls({ ...everything, limit: 2, cursor: first.nextCursor ?? '' });
      expect(rest.items.map(({ call }) => call.id)).toEqual(['call_a', 'call_d']);
      expect(rest.nextCursor).toBeNull();
      expect(rest.items[0]).toEqual(await record.getCall('call_a'));
    });

    test('that waited end without their turn only as long as they wait, and free their keys', async () => {
      await using record = await store.open('calls-waiting', sources());
      const key = (callId: string) =>
        ({
          principal: 'alice',
          key: callId,
          fingerprint: 'f',
          callId,
          expiresAtMs: startMs + 60_000,
        }) as const;
      const queued = (id: string): RecordWrite => ({
        ...written(id, 1, { status: 'queued' }),
        events: [draft('queued', { callId: id, ...owners.alice })],
        idempotency: key(id),
      });
      const closed = (...given: string[]): RecordWrite => ({
        events: given.map((callId) => draft('not_started', { callId, ...owners.alice })),
        calls: given.flatMap((id) => written(id, 1, { status: 'cancelled' }).calls ?? []),
        neverRun: given,
      });
      for (const id of ['call_1', 'call_2', 'call_3']) await record.write(queued(id));
      const running = written('call_2', 1, { status: 'running' });
      await record.write({ ...running, events: [draft('intent', { callId: 'call_2', ...owners.alice })] });
      await expect(record.write(closed('call_1', 'call_2'))).rejects.toThrow(CallEnded);
      expect(await ids(record, { status: 'queued' })).toEqual(['call_3', 'call_1']);
      expect(await record.findIdempotency('alice', 'call_1')).toMatchObject({ callId: 'call_1' });
      await record.write(closed('call_1', 'call_3'));
      expect(await ids(record, { status: 'cancelled' })).toEqual(['call_3', 'call_1']);
      expect(await ids(record, { status: 'running' })).toEqual(['call_2']);
      expect(await record.findIdempotency('alice', 'call_1')).toBeNull();
      expect(await record.findIdempotency('alice', 'call_2')).toMatchObject({ callId: 'call_2' });
      expect(await record.verify({ deep: true })).toMatchObject({ valid: true });
    });

    test('are found by owner, status, tool, session, label and time, and by all of them at once', async () => {
      await using record = await store.open('calls-filters', sources());
      const session = 'ses_1';
      await record.write(written('call_1', 1, { tool: 'js_run', labels: { team: 'blue', '=': '=' } }));
      await record.write(written('call_2', 2, { status: 'failed', session, labels: { team: 'blue' } }));
      await record.write(written('call_3', 3, { status: 'failed' }, owners.bob));
      await record.write(written('call_4', 4, { status: 'failed', labels: { team: 'blue' } }, owners.carol));
      await record.write(written('call_5', 5, { status: 'running', session }));
      expect(await ids(record, {})).toEqual(['call_5', 'call_4', 'call_3', 'call_2', 'call_1']);
      expect(await ids(record, owners.alice)).toEqual(['call_5', 'call_2', 'call_1']);
      expect(await ids(record, { tenant: 'default' })).toEqual(['call_5', 'call_3', 'call_2', 'call_1']);
      expect(await ids(record, { principal: 'alice' })).toEqual(['call_5', 'call_4', 'call_2', 'call_1']);
      expect(await ids(record, { status: 'failed' })).toEqual(['call_4', 'call_3', 'call_2']);
      expect(await ids(record, { ...owners.alice, status: 'failed' })).toEqual(['call_2']);
      expect(await ids(record, { tenant: 'default', status: 'failed' })).toEqual(['call_3', 'call_2']);
      expect(await ids(record, { ...owners.alice, status: 'running' })).toEqual(['call_5']);
      expect(await ids(record, { ...owners.alice, status: 'succeeded' })).toEqual(['call_1']);
      expect(await ids(record, { tool: 'js_run' })).toEqual(['call_1']);
      expect(await ids(record, { session })).toEqual(['call_5', 'call_2']);
      expect(await ids(record, { session, ...owners.bob })).toEqual([]);
      expect(await ids(record, { label: 'team=blue' })).toEqual(['call_4', 'call_2', 'call_1']);
      expect(await ids(record, { label: 'team=blue', tenant: 'default' })).toEqual(['call_2', 'call_1']);
      expect(await ids(record, { label: 'team=blue', ...owners.carol })).toEqual(['call_4']);
      expect(await ids(record, { label: '===', ...owners.alice })).toEqual(['call_1']);
      const [from, to] = [2, 4].map((second) => new Date(startMs + second * 1000).toISOString());
      expect(await ids(record, { from: from!, to: to! })).toEqual(['call_3', 'call_2']);
      expect(await ids(record, { to: to!, label: 'team=blue', tenant: 'default' })).toEqual([
        'call_2',
        'call_1',
      ]);
      const all = {
        ...owners.alice,
        session,
        status: 'failed',
        label: 'team=blue',
        tool: 'python_run',
      } as const;
      expect(await ids(record, { ...all, from: from!, to: to! })).toEqual(['call_2']);
      expect(await ids(record, { ...all, from: to! })).toEqual([]);
    });

    test('change their status in the list as they do', async () => {
      await using record = await store.open('calls-statuses', sources());
      await record.write(written('call_1', 1, { status: 'running' }));
      await record.write(written('call_1', 1, { status: 'failed' }));
      expect(await ids(record, { status: 'running' })).toEqual([]);
      expect(await ids(record, { ...owners.alice, status: 'failed' })).toEqual(['call_1']);
    });

    test('fill a page in bytes before they fill it in number', async () => {
      await using record = await store.open('calls-bytes', sources());
      for (const at of [1, 2, 3])
        await record.write(written(`call_${at}`, at, { result: 'x'.repeat(1_900_000) }));
      const first = await record.listCalls(everything);
      expect(first.items.map(({ call }) => call.id)).toEqual(['call_3', 'call_2']);
      const rest = await record.listCalls({ ...everything, cursor: first.nextCursor ?? '' });
      expect(rest.items.map(({ call }) => call.id)).toEqual(['call_1']);
      expect(rest.nextCursor).toBeNull();
    });

    test('past their time are not listed, unless they are held', async () => {
      const clock = new SetClock();
      await using record = await store.open('calls-past', { ...sources(clock), retentionMs: 60_000 });
      await record.write(written('call_1', 0));
      await record.write(written('call_2', 0));
      clock.advance(60_001);
      const selection = { callId: 'call_2' };
      const hold = { id: 'hold_1', selection, reason: 'trial', setBy: 'bob', setAtMs: clock.now() };
      await record.write({ events: [draft('hold_set', { details: { hold: 'hold_1' } })], hold });
      expect(await ids(record, {})).toEqual(['call_2']);
      // Nor does a page lead on to them.
      expect(await ids(record, { limit: 1 })).toEqual(['call_2']);
    });

    test('whose labels were erased are not found by them, and still by the rest; removed ones by nothing', async () => {
      await using record = await store.open('calls-erased', sources());
      const label = { label: 'who=ann' };
      for (const id of ['call_1', 'call_2']) await record.write(written(id, 1, { labels: { who: 'ann' } }));
      const clearing = { places: [], sessionIds: [] };
      await record.write({
        ...written('call_1', 1),
        clearing: { ...clearing, callIds: ['call_1'], calls: 'emptied' },
      });
      expect(await ids(record, { ...owners.alice, ...label })).toEqual(['call_2']);
      expect(await ids(record, {})).toEqual(['call_2', 'call_1']);
      await record.write({
        events: [draft('purged')],
        clearing: { ...clearing, callIds: ['call_2'], calls: 'removed' },
      });
      expect(await ids(record, { ...owners.alice, ...label })).toEqual([]);
      expect(await ids(record, {})).toEqual(['call_1']);
    });

    test('are not led to by any cursor but the very one that was given out', async () => {
      await using record = await store.open('calls-cursors', sources());
      for (const cursor of ['', 'x', '!', Buffer.from('e1.desc.1').toString('base64url'), 'YzEuMS5h=='])
        await expect(record.listCalls({ ...everything, cursor })).rejects.toThrow(InvalidCursor);
    });
  });
}
