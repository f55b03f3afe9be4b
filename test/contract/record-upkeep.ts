import { describe, expect, test } from 'vitest';
import { ContentHeld } from '../../src/audit/erasure.ts';
import { draft, intent, outcome, SetClock, sources, startMs, storedCall } from './record-fixtures.ts';
import type { Clearing, ErasurePlan, Hold, RecordSelection } from '../../src/audit/erasure.ts';
import type { EventQuery, RecordStore, StoredCall } from '../../src/audit/record.ts';

/** What a store is opened with beside the usual. */
export interface UpkeepStore {
  open(
    name: string,
    given: ReturnType<typeof sources> & { readonly retentionMs?: number },
  ): Promise<RecordStore>;
}

const all: EventQuery = { tenant: null, limit: 1_000, order: 'asc' };
const dayMs = 86_400_000;

function emptied(stored: StoredCall): StoredCall {
  return { ...stored, call: { ...stored.call, result: null } };
}

async function erase(record: RecordStore, plan: ErasurePlan, selection: RecordSelection = {}): Promise<void> {
  const { places, callIds, calls, sessionIds } = plan;
  const clearing: Clearing = { places, callIds, calls: 'emptied', sessionIds };
  await record.write({
    events: [
      draft('erased', { details: { selection: { ...selection } } }),
      ...calls.map(({ call }) => draft('erased', { callId: call.id })),
    ],
    calls: calls.map(emptied),
    clearing,
  });
}

async function eraseAll(record: RecordStore, selection: RecordSelection): Promise<ErasurePlan> {
  const plan = await record.planErasure(selection, 10);
  await erase(record, plan, selection);
  return plan;
}

function hold(number: number, selection: RecordSelection): Hold {
  return { id: `hold_${number}`, selection, reason: 'court', setBy: 'carol', setAtMs: startMs };
}

async function found(record: RecordStore, query: Partial<EventQuery>): Promise<readonly (string | null)[]> {
  return (await record.listEvents({ ...all, ...query })).items.map(({ callId }) => callId);
}

/** Two calls of alice and one of bob, about which alice was asked. */
async function fill(record: RecordStore): Promise<void> {
  for (const id of ['call_1', 'call_2']) {
    await record.write(intent(id));
    await record.write(outcome(id));
  }
  const bob = { ...storedCall('call_3', 'succeeded'), principal: 'bob' };
  const event = draft('outcome', { callId: 'call_3', principal: 'bob', content: { result: 'of bob' } });
  await record.write({ events: [event], calls: [bob] });
  await record.write({
    events: [draft('approval_decided', { callId: 'call_3', content: { reason: 'fine' } })],
  });
}

/** What every store promises of erasure, holds, retention and the search by terms and words. */
export function recordUpkeepContract(name: string, store: UpkeepStore): void {
  describe(`${name}: clearing`, () => {
    test('of a principal takes its calls and its own deeds, leaves the others, and the chain verifies', async () => {
      await using record = await store.open('of-principal', sources());
      await fill(record);
      const plan = await eraseAll(record, { principal: 'alice' });
      expect(plan).toMatchObject({ callIds: ['call_1', 'call_2'], remaining: false, holds: [] });
      expect(plan.principals).toEqual(['alice']);
      const { items } = await record.listEvents(all);
      const kept = items.filter(({ content }) => content !== null);
      expect(kept.map(({ callId, type }) => [callId, type])).toEqual([['call_3', 'outcome']]);
      expect((await record.planErasure({ principal: 'alice' }, 10)).places).toEqual([]);
      expect(await record.verify({ deep: true })).toMatchObject({ valid: true, deep: true, problems: [] });
    });

    test('of a call says whose it is, takes what others said about it, and frees no idempotency key', async () => {
      await using record = await store.open('of-call', sources());
      await fill(record);
      const idempotency = { principal: 'alice', key: 'k', fingerprint: 'f', callId: 'call_4' };
      await record.write(intent('call_4', { idempotency: { ...idempotency, expiresAtMs: startMs + 1_000 } }));
      await record.write(outcome('call_4'));
      expect((await eraseAll(record, { callId: 'call_3' })).principals).toEqual(['bob', 'alice']);
      expect(await found(record, { callId: 'call_3', text: 'fine' })).toEqual([]);
      await eraseAll(record, { callId: 'call_4' });
      expect(await record.findIdempotency('alice', 'k')).toMatchObject({ callId: 'call_4', fingerprint: '' });
    });

    test('takes the oldest first, and says that more remain', async () => {
      await using record = await store.open('oldest', sources());
      await fill(record);
      const plan = await record.planErasure({ principal: 'alice' }, 1);
      expect(plan).toMatchObject({ callIds: ['call_1'], remaining: true });
      await erase(record, plan);
      expect(await record.planErasure({ principal: 'alice' }, 1)).toMatchObject({ callIds: ['call_2'] });
    });

    test('names a call, a principal or a session', async () => {
      await using record = await store.open('nothing', sources());
      await expect(record.planErasure({ tenant: 'default' }, 10)).rejects.toThrow(RangeError);
    });

    test('of a part of a session leaves what the session says of itself', async () => {
      await using record = await store.open('part-of-session', sources());
      const since = '2020-01-01T00:00:00.000Z';
      expect((await record.planErasure({ session: 'ses_1' }, 10)).sessionIds).toEqual(['ses_1']);
      expect((await record.planErasure({ session: 'ses_1', from: since }, 10)).sessionIds).toEqual([]);
      expect((await record.planErasure({ session: 'ses_1', callId: 'call_1' }, 10)).sessionIds).toEqual([]);
      expect((await record.planErasure({ session: 'ses_1', principal: 'bob' }, 10)).sessionIds).toEqual([]);
    });

    test('of what a hold means is refused as a whole, whenever the hold came, until it is released', async () => {
      await using record = await store.open('held', sources());
      await fill(record);
      const plan = await record.planErasure({ principal: 'alice' }, 10);
      await record.write({ events: [draft('hold_set')], hold: hold(1, { callId: 'call_2' }) });
      expect((await record.planErasure({ principal: 'alice' }, 10)).holds).toEqual(['hold_1']);
      await expect(erase(record, plan)).rejects.toBeInstanceOf(ContentHeld);
      expect((await record.listEvents({ ...all, type: 'intent' })).items[0]?.content).not.toBeNull();
      await record.write({ events: [draft('hold_released')], releasedHold: 'hold_1' });
      await erase(record, plan);
      expect(await record.verify()).toMatchObject({ valid: true });
    });

    test('of a deed without a call is refused as well while a hold means it', async () => {
      await using record = await store.open('held-deed', sources());
      await record.write({ events: [draft('denied', { content: { args: { a: 1 } } })] });
      const plan = await record.planErasure({ principal: 'alice' }, 10);
      expect(plan).toMatchObject({ callIds: [], holds: [] });
      await record.write({ events: [draft('hold_set')], hold: hold(1, { principal: 'alice' }) });
      await expect(erase(record, plan)).rejects.toBeInstanceOf(ContentHeld);
      expect((await record.listEvents(all)).items[0]?.content).toEqual({ args: { a: 1 } });
    });

    test('asks for the file to be rewritten, which is then done', async () => {
      await using record = await store.open('scrub', sources());
      await fill(record);
      expect(await record.scrubDue()).toBe('no');
      await eraseAll(record, { callId: 'call_1' });
      expect(await record.scrubDue()).toBe('now');
      await record.scrub();
      expect(await record.scrubDue()).toBe('no');
      expect(await record.verify()).toMatchObject({ valid: true });
    });
  });

  describe(`${name}: retention`, () => {
    test('hides content and calls at once, removes them when asked, and keeps the chain and what is held', async () => {
      const clock = new SetClock();
      await using record = await store.open('age', { ...sources(clock), retentionMs: dayMs });
      await fill(record);
      await record.write({ events: [draft('hold_set')], hold: hold(1, { callId: 'call_2' }) });
      clock.advance(dayMs + 1);
      await record.write(intent('call_5'));

      expect(await record.getCall('call_1')).toBeNull();
      expect(await record.getCall('call_2')).not.toBeNull();
      const { items } = await record.listEvents(all);
      expect(items).toHaveLength((await record.heads())[0]?.sequence ?? 0);
      const shown = items.filter(({ content }) => content !== null);
      expect(shown.map(({ callId }) => callId)).toEqual(['call_2', 'call_2', 'call_5']);
      expect(await found(record, { text: 'print*' })).toEqual(['call_2', 'call_5']);

      const { places, callIds } = await record.planPurge(100);
      expect(callIds).toEqual(['call_1', 'call_3']);
      const clearing: Clearing = { places, callIds, calls: 'removed', sessionIds: [] };
      await record.write({ events: [draft('purged')], clearing, dropsExpired: true });
      expect(await record.planPurge(100)).toMatchObject({ places: [], callIds: [] });
      expect(await record.verify()).toMatchObject({ valid: true });
    });

    test('removes keys and files that expired, but not the files of a call that is held', async () => {
      const clock = new SetClock();
      await using record = await store.open('expired-files', sources(clock));
      const file = { tenant: 'default', principal: 'alice', name: 'a.txt', mediaType: 'text/plain' };
      const artifact = { ...file, sha256: '00', data: new Uint8Array([1]), expiresAtMs: startMs + 1 };
      await record.write(intent('call_1', { artifacts: [{ ...artifact, id: 'art_1', callId: 'call_1' }] }));
      await record.write(intent('call_2', { artifacts: [{ ...artifact, id: 'art_2', callId: 'call_2' }] }));
      await record.write({ events: [draft('hold_set')], hold: hold(1, { principal: 'alice' }) });
      clock.advance(10);
      expect(await record.planPurge(100)).toMatchObject({ artifacts: 0 });
      await record.write({ events: [draft('hold_released')], releasedHold: 'hold_1' });
      expect(await record.planPurge(100)).toMatchObject({ artifacts: 2 });
      await record.write({ events: [draft('purged')], dropsExpired: true });
      expect(await record.planPurge(100)).toMatchObject({ artifacts: 0 });
    });
  });

  describe(`${name}: finding`, () => {
    test('finds events by terms of the event and of its content, and by words', async () => {
      await using record = await store.open('terms', sources());
      const details = { sessionId: 'ses_1', approvalId: 'apr_1', runId: 'run_1', host: 'h', credential: 'c' };
      const finding = { detector: 'iban', action: 'redact', where: '/a', count: 1 } as const;
      const boundary = {
        verdict: 'redacted',
        findings: [{ ...finding, confidence: 'high', via: [] }],
        scanned: [],
      } as const;
      const content = { labels: { team: 'blue' }, address: '10.0.0.1', args: { note: 'Grüße an Zoë' } };
      await record.write({ events: [draft('intent', { callId: 'other', key: 'k2' })] });
      await record.write({
        events: [draft('intent', { callId: 'this', key: 'k1', details, boundary, content })],
      });
      const queries: Partial<EventQuery>[] = [
        { key: 'k1' },
        { session: 'ses_1' },
        { approval: 'apr_1' },
        { run: 'run_1' },
        { host: 'h' },
        { credential: 'c' },
        { finding: 'iban' },
        { label: 'team=blue' },
        { address: '10.0.0.1' },
        { text: 'grüße zoë' },
        { text: 'grü*', key: 'k1', type: 'intent', host: 'h' },
      ];
      for (const query of queries)
        expect({ query, found: await found(record, query) }).toEqual({ query, found: ['this'] });
      for (const query of [{ text: 'nobody' }, { label: 'team' }, { key: 'k1', host: 'x' }])
        expect(await found(record, query)).toEqual([]);
      const exported = [];
      for await (const row of (await record.export({ tenant: null, text: 'zoë', label: 'team=blue' })).rows)
        exported.push(row.kind);
      expect(exported).toEqual(['omitted', 'event']);
    });

    test('finds words that a database would cut otherwise, and proves that it does', async () => {
      await using record = await store.open('scripts', sources());
      // Letters newer than Unicode 6.1, in parts, several words or none in their plain form, without spaces, emoji.
      const notes = [
        `a${'𠀀'.repeat(64)}`,
        'ΟΔΥΣΣΕΥΣ.pdf',
        'Ⰰᦰ²',
        'ᦰ',
        '\u1112\u1161\u11ab글',
        'ﷺ',
        '\u037a',
        '汉字𰀀',
        'न\u093cक\u094d',
        '𞤀x',
        'İx',
        '👍🏽',
      ];
      for (const [at, note] of notes.entries())
        await record.write({
          events: [draft('denied', { callId: `call_${at}`, content: { args: { note } } })],
        });
      for (const [at, note] of notes.entries()) {
        const hasWord = note !== '\u037a' && note !== '👍🏽';
        for (const text of [note, note.normalize('NFC'), note.normalize('NFD'), `${note}*`])
          if (hasWord)
            expect({ text, found: await found(record, { text }) }).toEqual({ text, found: [`call_${at}`] });
          else await expect(found(record, { text })).rejects.toBeInstanceOf(RangeError);
      }
      const sigmas = `call_${notes.indexOf('ΟΔΥΣΣΕΥΣ.pdf')}`;
      for (const text of ['οδυσσευς', 'Οδυσσεύς', 'ΟΔΥΣ*'])
        expect(await found(record, { text })).toEqual([sigmas]);
      expect(await record.verify({ deep: true })).toMatchObject({ valid: true, problems: [] });
    });

    test('shows one event by its id', async () => {
      await using record = await store.open('by-id', sources());
      const [event] = (await record.write(intent('call_1'))).events();
      expect(await record.getEvent(event?.id ?? '')).toEqual(event);
      expect(await record.getEvent('evt_0')).toBeNull();
    });
  });
}
