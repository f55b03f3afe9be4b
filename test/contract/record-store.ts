import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { IdempotencyTaken, RecordUnavailable } from '../../src/audit/record.ts';
import { draft, intent, outcome, SetClock, sources, startMs, storedCall } from './record-fixtures.ts';
import type { ApiKey, EventQuery, RecordStore, StoredArtifact } from '../../src/audit/record.ts';

export interface StoreUnderTest {
  /** Opens the store of this name; opened again under the same name it holds what was written. */
  open(name: string, given: ReturnType<typeof sources>): Promise<RecordStore>;
}

const all: EventQuery = { tenant: null, limit: 1_000, order: 'asc' };

const bootKey: ApiKey = {
  id: 'boot',
  secretHash: 'ab'.repeat(32),
  principal: 'alice',
  tenant: 'default',
  roles: ['dev'],
  attributes: { team: 'payments', level: 3, sites: ['ams'] },
  scopes: ['call', 'audit'],
  createdAtMs: startMs,
  expiresAtMs: null,
  revokedAtMs: null,
};

function artifact(id: string, callId: string): StoredArtifact {
  const data = new Uint8Array([0, 1, 255]);
  const owner = { tenant: 'default', principal: 'alice' };
  const kind = {
    name: 'plot.png',
    mediaType: 'image/png',
    sha256: createHash('sha256').update(data).digest('hex'),
  };
  return { id, callId, ...owner, ...kind, data, expiresAtMs: startMs + 1_000 };
}

function claim(callId: string, expiresAtMs = startMs + 1_000) {
  return { principal: 'alice', key: 'k1', fingerprint: 'f1', callId, expiresAtMs };
}

/** What every store of the record promises. */
export function recordStoreContract(name: string, store: StoreUnderTest): void {
  describe(`${name}: writing`, () => {
    test('gives an event its time, writer, sequence and hashes', async () => {
      await using record = await store.open('gives', sources());
      const [first] = (await record.write({ events: [draft('started')] })).events();
      const [second] = (await record.write({ events: [draft('stopped')] })).events();
      expect(first).toMatchObject({ id: 'evt_00000000000000000000000001', time: '2026-01-02T03:04:05.000Z' });
      expect(first).toMatchObject({ writer: 'node-a/api-1', sequence: 1, previousHash: '0'.repeat(64) });
      expect(second).toMatchObject({ sequence: 2, previousHash: first!.hash });
    });

    test('shows the same event when it is written and when it is read', async () => {
      await using record = await store.open('same', sources());
      const written = (await record.write(intent('call_1'))).events();
      expect((await record.listEvents(all)).items).toEqual(written);
      expect(written[0]).toMatchObject({
        callId: 'call_1',
        content: { args: { code: 'print(1)' } },
        act: [],
      });
    });

    test('puts the writes of one moment into one chain, in the order in which they were asked for', async () => {
      await using record = await store.open('moment', sources());
      const ids = Array.from({ length: 200 }, (_, index) => `call_${String(index).padStart(3, '0')}`);
      const written = await Promise.all(ids.map((id) => record.write(intent(id))));
      expect(written.flatMap((receipt) => receipt.events()).map(({ sequence }) => sequence)).toEqual(
        ids.map((_, index) => index + 1),
      );
      expect((await record.listEvents(all)).items.map(({ callId }) => callId)).toEqual(ids);
    });

    test('lets a read see every write that resolved', async () => {
      await using record = await store.open('sees', sources());
      for (let index = 0; index < 50; index += 1) {
        await record.write(intent(`call_${index}`));
        expect((await record.getCall(`call_${index}`))?.call.status).toBe('running');
      }
    });

    test('keeps everything over a restart and goes on with the chain', async () => {
      {
        await using record = await store.open('restart', sources());
        await record.write(intent('call_1', { artifacts: [artifact('art_1', 'call_1')], keys: [bootKey] }));
      }
      await using record = await store.open('restart', sources(new SetClock(), 100));
      const [next] = (await record.write(outcome('call_1'))).events();
      expect(next?.sequence).toBe(2);
      expect((await record.getArtifact('art_1'))?.name).toBe('plot.png');
      expect(await record.getKey('boot')).toEqual(bootKey);
      expect(await record.verify()).toMatchObject({ valid: true, events: 2 });
    });

    test('stores hostile strings: unpaired surrogates, NUL, separators, huge names, __proto__', async () => {
      await using record = await store.open('hostile', sources());
      const args = JSON.parse(
        '{"__proto__": {"a": 1}, "\\ud800": 1, "\\ud801": 2, "t": "\\udfff\\u0000\\u2028\\""}',
      );
      const receipt = await record.write({
        events: [draft('invalid', { content: { args }, principal: 'a\ud800' })],
      });
      const [written] = receipt.events();
      expect(written?.principal).toBe('a\ufffd');
      expect(JSON.stringify(written?.content)).toBe(
        '{"args":{"__proto__":{"a":1},"t":"\ufffd\\u0000\u2028\\"","\ufffd":1,"\ufffd~2":2}}',
      );
      expect((await record.listEvents(all)).items).toEqual([written]);
      expect(await record.verify()).toMatchObject({ valid: true });
    });

    test('refuses what JSON cannot say, and writes nothing of it', async () => {
      await using record = await store.open('refuses', sources());
      const broken = draft('outcome', { details: { wallMs: Number.NaN } });
      await expect(record.write({ events: [draft('started'), broken] })).rejects.toThrow('NaN in "wallMs"');
      expect((await record.listEvents(all)).items).toEqual([]);
    });

    test('refuses a call that no event of the write is about', async () => {
      await using record = await store.open('vouch', sources());
      const write = { events: [draft('started')], calls: [storedCall('call_1')] };
      await expect(record.write(write)).rejects.toThrow(TypeError);
      expect(await record.getCall('call_1')).toBeNull();
    });

    test('takes a write that contradicts what is stored as a failure of that write alone', async () => {
      await using record = await store.open('contradiction', sources());
      const orphan = record.write({
        events: [draft('outcome')],
        artifacts: [artifact('art_1', 'call_none')],
      });
      const good = record.write(intent('call_1'));
      await expect(orphan).rejects.toThrow(RecordUnavailable);
      expect((await good).events()[0]?.sequence).toBe(1);
      expect(await record.health()).toEqual({ state: 'ok', reason: null });
    });

    test('orders by sequence when the clock goes backwards', async () => {
      const clock = new SetClock();
      await using record = await store.open('clock', sources(clock));
      await record.write({ events: [draft('started')] });
      clock.advance(-3_600_000);
      await record.write({ events: [draft('stopped')] });
      const { items } = await record.listEvents(all);
      expect(items.map(({ sequence, time }) => [sequence, time])).toEqual([
        [1, '2026-01-02T03:04:05.000Z'],
        [2, '2026-01-02T02:04:05.000Z'],
      ]);
      expect(await record.verify()).toMatchObject({ valid: true });
    });

    test('refuses writes beyond its queue, and keeps those it took', async () => {
      await using record = await store.open('queue', sources());
      const writes = Array.from({ length: 4_100 }, () => record.write({ events: [{ type: 'started' }] }));
      const settled = await Promise.allSettled(writes);
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(4_096);
      expect(settled.at(-1)).toMatchObject({ status: 'rejected', reason: expect.any(RecordUnavailable) });
      expect((await record.verify()).events).toBe(4_096);
    });

    test('stores what was asked for before it is disposed, and nothing after', async () => {
      const record = await store.open('disposed', sources());
      const last = record.write(intent('call_1'));
      await record[Symbol.asyncDispose]();
      expect((await last).events()[0]?.sequence).toBe(1);
      await expect(record.write(intent('call_2'))).rejects.toThrow(RecordUnavailable);
    });
  });

  describe(`${name}: calls, artifacts, keys, idempotency`, () => {
    test('replaces a call by id and keeps its owner', async () => {
      await using record = await store.open('calls', sources());
      await record.write(intent('call_1'));
      await record.write(outcome('call_1', 'failed'));
      expect(await record.getCall('call_1')).toEqual(storedCall('call_1', 'failed'));
      expect(await record.getCall('call_2')).toBeNull();
    });

    test('shows, once it is opened again, the calls whose intent has no outcome', async () => {
      {
        await using record = await store.open('open', sources());
        for (const id of ['call_1', 'call_2', 'call_3']) await record.write(intent(id));
        await record.write(outcome('call_2'));
        await record.write({ events: [draft('not_started', { callId: 'call_3' })] });
      }
      await using record = await store.open('open', sources(undefined, 100));
      expect(await record.openCalls()).toEqual([storedCall('call_1')]);
    });

    test('returns an artifact until it expires', async () => {
      const clock = new SetClock();
      await using record = await store.open('artifacts', sources(clock));
      await record.write(intent('call_1', { artifacts: [artifact('art_1', 'call_1')] }));
      clock.advance(999);
      const found = await record.getArtifact('art_1');
      expect({ ...found, data: [...found!.data] }).toEqual({
        ...artifact('art_1', 'call_1'),
        data: [0, 1, 255],
      });
      clock.advance(1);
      expect(await record.getArtifact('art_1')).toBeNull();
    });

    test('lets one of many claim an idempotency key, also in one moment', async () => {
      await using record = await store.open('claims', sources());
      const claims = ['call_1', 'call_2', 'call_3'].map((id) =>
        record.write(intent(id, { idempotency: claim(id) })),
      );
      const settled = await Promise.allSettled([...claims, record.write(intent('call_4'))]);
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
      expect(settled[1]).toMatchObject({ reason: expect.any(IdempotencyTaken) });
      expect(await record.getCall('call_2')).toBeNull();
      expect(await record.findIdempotency('alice', 'k1')).toEqual(claim('call_1'));
      expect(await record.findIdempotency('bob', 'k1')).toBeNull();
      expect(await record.verify()).toMatchObject({ valid: true, events: 2 });
    });

    test('forgets an idempotency key that expired, and lets it be claimed again', async () => {
      const clock = new SetClock();
      await using record = await store.open('expired', sources(clock));
      await record.write(intent('call_1', { idempotency: claim('call_1') }));
      clock.advance(1_000);
      expect(await record.findIdempotency('alice', 'k1')).toBeNull();
      await record.write(intent('call_2', { idempotency: claim('call_2', startMs + 9_000) }));
      expect((await record.findIdempotency('alice', 'k1'))?.callId).toBe('call_2');
    });

    test('lists keys, and keeps the time of the first revocation', async () => {
      await using record = await store.open('keys', sources());
      await record.write({
        events: [draft('key_created')],
        keys: [
          { ...bootKey, id: 'b' },
          { ...bootKey, id: 'a' },
        ],
      });
      await record.write({ events: [draft('key_revoked')], revokedKeys: [{ id: 'a', atMs: startMs + 5 }] });
      await record.write({ events: [draft('key_revoked')], revokedKeys: [{ id: 'a', atMs: startMs + 9 }] });
      expect((await record.listKeys()).map(({ id, revokedAtMs }) => [id, revokedAtMs])).toEqual([
        ['a', startMs + 5],
        ['b', null],
      ]);
      expect(await record.getKey('c')).toBeNull();
    });

    test('keeps taints over a restart until the latest time that was set, each once, in order', async () => {
      const clock = new SetClock();
      const taint = (holder: string, name: string, ms: number) => ({
        holder,
        name,
        expiresAtMs: startMs + ms,
      });
      {
        await using record = await store.open('taints', sources(clock));
        await record.write({
          events: [],
          taints: [taint('a', 'x', 9_000), taint('a', 'private', 9_000), taint('b', 'x', 1_000)],
        });
        await record.write({ events: [], taints: [taint('a', 'x', 2_000), taint('c', 'y', 9_000)] });
      }
      await using record = await store.open('taints', sources(clock, 100));
      expect(await record.taintsOf(['a', 'b'])).toEqual(['private', 'x']);
      expect(await record.taintsOf([`'; --`, 'none'])).toEqual([]);
      clock.advance(8_999);
      expect(await record.taintsOf(['a'])).toEqual(['private', 'x']);
      expect(await record.taintsOf(['b'])).toEqual([]);
      clock.advance(1);
      expect(await record.taintsOf(['a', 'c'])).toEqual([]);
    });

    test('keeps blocks over a restart until they expire or are removed', async () => {
      const clock = new SetClock();
      const block = (id: string, expiresAtMs: number) =>
        ({
          id,
          tool: 'stripe_*',
          principal: null,
          tenant: 'acme',
          reason: 'why',
          createdAtMs: startMs,
          createdBy: 'ops',
          expiresAtMs,
        }) as const;
      {
        await using record = await store.open('blocks', sources(clock));
        const blocks = [
          block('blk_1', startMs + 1_000),
          block('blk_2', startMs + 9_000),
          block('blk_3', startMs + 9_000),
        ];
        await record.write({ events: [draft('block_added')], blocks });
        await record.write({ events: [draft('block_removed')], removedBlocks: ['blk_3'] });
      }
      await using record = await store.open('blocks', sources(clock, 100));
      expect((await record.listBlocks()).map(({ id }) => id)).toEqual(['blk_1', 'blk_2']);
      clock.advance(1_000);
      expect(await record.listBlocks()).toEqual([block('blk_2', startMs + 9_000)]);
    });

    test('gives back what calls drew on quotas since a time, oldest first, also after the clock went back', async () => {
      const clock = new SetClock();
      await using record = await store.open('quotas', sources(clock));
      const limit = {
        policy: 'p',
        name: 'n',
        key: 'alice',
        unit: 'calls',
        limit: 5,
        windowMs: 60_000,
        amount: 1,
        onStoreLoss: 'deny',
      } as const;
      const measured = { ...limit, unit: 'cpu_ms', amount: 100, used: 7 } as const;
      const write = (callId: string) => ({ events: [draft('intent', { callId, quotas: [limit] })] });
      await record.write(write('call_old'));
      clock.advance(10_000);
      await record.write(write('call_1'));
      clock.advance(-4_000);
      await record.write(write('call_2'));
      clock.advance(1_000);
      await record.write({ events: [draft('outcome', { callId: 'call_1', quotas: [measured] })] });
      await record.write({ events: [draft('not_started', { callId: 'call_2' })] });
      await record.write({
        events: [draft('outcome', { callId: 'call_3' }), draft('intent', { callId: 'call_4' })],
      });
      expect(await Array.fromAsync(record.quotaUseSince(startMs + 5_000))).toEqual([
        { kind: 'leased', atMs: startMs + 10_000, callId: 'call_1', tenant: 'default', draws: [limit] },
        { kind: 'leased', atMs: startMs + 6_000, callId: 'call_2', tenant: 'default', draws: [limit] },
        { kind: 'ended', atMs: startMs + 7_000, callId: 'call_1', tenant: 'default', draws: [measured] },
        { kind: 'withdrawn', atMs: startMs + 6_000, callId: 'call_2', tenant: 'default', draws: [limit] },
      ]);
    });
  });

  describe(`${name}: listing`, () => {
    test('finds events by every filter, and by none of another tenant', async () => {
      await using record = await store.open('filters', sources());
      const denied = { effect: 'deny', policy: 'p', rule: 'no', matched: [], revision: 'r' } as const;
      await record.write({
        events: [draft('intent', { callId: 'call_1', requestId: 'req_1', status: 'running' })],
      });
      await record.write({
        events: [draft('denied', { tenant: 't2', principal: 'bob', tool: 'x', decision: denied })],
      });
      const found = async (query: Partial<EventQuery>) =>
        (await record.listEvents({ ...all, ...query })).items.map(({ sequence }) => sequence);
      expect(await found({ tenant: 'default' })).toEqual([1]);
      expect(await found({ tenant: 't2', callId: 'call_1' })).toEqual([]);
      expect(await found({ type: 'denied' })).toEqual([2]);
      expect(await found({ principal: 'bob' })).toEqual([2]);
      expect(await found({ tool: 'x' })).toEqual([2]);
      expect(await found({ status: 'running' })).toEqual([1]);
      expect(await found({ effect: 'deny' })).toEqual([2]);
      expect(await found({ rule: 'no' })).toEqual([2]);
      expect(await found({ callId: 'call_1' })).toEqual([1]);
      expect(await found({ requestId: 'req_1' })).toEqual([1]);
      expect(await found({ tool: "x' OR '1'='1" })).toEqual([]);
    });

    test('finds a rule of a policy, and not one of the same name of another, in lists and exports', async () => {
      await using record = await store.open('rules', sources());
      const by = (policy: string | null) =>
        draft('denied', {
          decision: { effect: 'deny', policy, rule: 'all', matched: [], revision: 'r' },
          details: { said: '\u0000 "policy":"p"' },
        });
      await record.write({ events: [by('p'), by('q'), by(null), draft('denied')] });
      const found = async (query: Partial<EventQuery>) =>
        (await record.listEvents({ ...all, ...query })).items.map(({ sequence }) => sequence);
      expect(await found({ rule: 'all' })).toEqual([1, 2, 3]);
      expect(await found({ rule: 'all', policy: 'p' })).toEqual([1]);
      expect(await found({ rule: 'all', policy: 'q', type: 'denied', text: 'policy' })).toEqual([2]);
      expect(await found({ rule: 'all', policy: 'none' })).toEqual([]);
      const { rows } = await record.export({ tenant: null, rule: 'all', policy: 'q' });
      const shown = (await Array.fromAsync(rows)).filter(({ kind }) => kind === 'event');
      expect(shown).toMatchObject([{ canonical: expect.stringContaining('"policy":"q"') }]);
    });

    test('exports each checkpoint, and says which of them the filter means', async () => {
      await using record = await store.open('exports', sources());
      await record.write({ events: [draft('checkpoint', { tool: 't' }), draft('denied', { tool: 't' })] });
      const found = async (query: Partial<EventQuery>) => {
        const rows = await Array.fromAsync((await record.export({ tenant: null, ...query })).rows);
        return rows.map((row) => (row.kind === 'event' ? row.fitsFilter : row.kind));
      };
      expect(await found({})).toEqual([true, true]);
      expect(await found({ type: 'denied' })).toEqual([false, true]);
      expect(await found({ type: 'checkpoint' })).toEqual([true, 'omitted']);
      expect(await found({ tool: 't' })).toEqual([true, true]);
      expect(await found({ status: 'failed' })).toEqual([false, 'omitted']);
    });

    test('finds events by time, from inclusive and to exclusive, also where the clock went back', async () => {
      const clock = new SetClock();
      await using record = await store.open('times', sources(clock));
      for (const second of [0, 10, 20, 5, 15, 30]) {
        clock.set(startMs + second * 1_000);
        await record.write({ events: [draft('started')] });
      }
      const found = async (
        from: string | undefined,
        to: string | undefined,
        order: 'asc' | 'desc' = 'asc',
      ) => {
        const page = await record.listEvents({ ...all, order, ...(from && { from }), ...(to && { to }) });
        return page.items.map(({ time }) => Number(time.slice(17, 19)) - 5);
      };
      expect(await found('2026-01-02T03:04:15Z', '2026-01-02T03:04:25.000Z')).toEqual([10, 15]);
      expect(await found(undefined, '2026-01-02T04:04:15+01:00', 'desc')).toEqual([5, 0]);
      expect(await found('2026-01-02T03:04:20Z', undefined)).toEqual([20, 15, 30]);
      expect(await found('2027-01-01T00:00:00Z', undefined)).toEqual([]);
      expect(await found(undefined, '2025-01-01T00:00:00Z')).toEqual([]);
      await expect(found('yesterday', undefined)).rejects.toThrow(RangeError);
    });
  });

  describe(`${name}: verifying and health`, () => {
    test('gives back the heads of its chains', async () => {
      await using record = await store.open('heads', sources());
      expect(await record.heads()).toEqual([]);
      await record.write(intent('call_1'));
      const [last] = (await record.write(outcome('call_1'))).events();
      expect(await record.heads()).toEqual([{ writer: 'node-a/api-1', sequence: 2, hash: last!.hash }]);
    });

    test('verifies an empty record', async () => {
      await using record = await store.open('empty', sources());
      expect(await record.verify()).toEqual({
        valid: true,
        events: 0,
        from: null,
        to: null,
        writers: [],
        trust: 'unanchored',
        checkpoints: 0,
        keys: [],
        afterLastCheckpoint: 0,
        problems: [],
      });
    });

    test('reports range and heads, and commits to content under names alone', async () => {
      const clock = new SetClock();
      await using record = await store.open('verify', sources(clock));
      const [first] = (await record.write(intent('call_1'))).events();
      clock.advance(1_000);
      const [last] = (await record.write(outcome('call_1'))).events();
      expect(Object.keys(first!.commitments)).toEqual(['args']);
      expect(await record.verify()).toEqual({
        valid: true,
        events: 2,
        from: '2026-01-02T03:04:05.000Z',
        to: '2026-01-02T03:04:06.000Z',
        writers: [{ writer: 'node-a/api-1', events: 2, head: last!.hash }],
        trust: 'unanchored',
        checkpoints: 0,
        keys: [],
        afterLastCheckpoint: 2,
        problems: [],
      });
    });

    test('is healthy when nothing was written yet, and leaves no event behind by saying so', async () => {
      await using record = await store.open('health', sources());
      expect(await record.health()).toEqual({ state: 'ok', reason: null });
      expect((await record.listEvents(all)).items).toEqual([]);
    });
  });
}
