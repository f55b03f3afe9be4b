import { describe, expect, test } from 'vitest';
import type { RecordStore, StoredSession } from '../../src/audit/record.ts';
import { draft, SetClock, sources } from './record-fixtures.ts';
import type { UpkeepStore } from './record-upkeep.ts';

const dayMs = 86_400_000;
const labels = { team: 'blue' };
const session: StoredSession = {
  tenant: 'default',
  principal: 'alice',
  runner: 'local',
  session: {
    id: 'ses_1',
    image: 'python',
    status: 'open',
    endReason: null,
    labels,
    runtime: { kind: 'container', confinement: 'runc', image: null, warm: false },
    limits: { memoryMiB: 64, cpus: 1, pids: 8 },
    idleMs: 1_000,
    createdAt: '2026-01-02T03:04:05.000Z',
    expiresAt: '2026-01-12T03:04:05.000Z',
    endedAt: null,
  },
};

async function openSession(record: RecordStore): Promise<void> {
  const details = { sessionId: 'ses_1' };
  await record.write({
    events: [draft('session_opened', { details, content: { labels } })],
    sessions: [session],
  });
}

/** As the server does it, from what it still knows of the session. */
async function endSession(record: RecordStore): Promise<void> {
  const ended = { ...session.session, status: 'ended', endReason: 'idle' } as const;
  await record.write({ events: [draft('session_closed')], sessions: [{ ...session, session: ended }] });
}

async function shownLabels(record: RecordStore): Promise<readonly object[]> {
  const one = await record.getSession('ses_1');
  const listed = await record.listSessions({ tenant: 'default', principal: 'alice', limit: 10 });
  return [one, ...listed].map((stored) => stored?.session.labels ?? {});
}

/** What every store does with the labels of sessions, which are content. */
export function sessionLabelsContract(name: string, store: UpkeepStore): void {
  describe(`${name}: labels of a session`, () => {
    test('stay away once erased, also when the session that was open then ends', async () => {
      await using record = await store.open('erased-labels', sources());
      await openSession(record);
      expect(await shownLabels(record)).toEqual([labels, labels]);
      const { places, callIds, sessionIds } = await record.planErasure({ session: 'ses_1' }, 10);
      await record.write({
        events: [draft('erased')],
        clearing: { places, callIds, calls: 'emptied', sessionIds },
      });
      expect(await shownLabels(record)).toEqual([{}, {}]);
      await endSession(record);
      expect(await shownLabels(record)).toEqual([{}, {}]);
      expect(await record.getSession('ses_1')).toMatchObject({ session: { status: 'ended' } });
    });

    test('are not shown past their time, and are removed with the event that has them', async () => {
      const clock = new SetClock();
      const given = sources(clock);
      {
        await using record = await store.open('old-labels', { ...given, retentionMs: dayMs });
        await openSession(record);
        clock.advance(dayMs + 1);
        expect(await shownLabels(record)).toEqual([{}, {}]);
        expect(await record.openSessions()).toMatchObject([{ session: { labels: {} } }]);
        const { places, callIds, sessionIds } = await record.planPurge(10);
        expect(sessionIds).toEqual(['ses_1']);
        await record.write({
          events: [draft('purged')],
          clearing: { places, callIds, calls: 'removed', sessionIds },
        });
        await endSession(record);
      }
      // Without a retention everything that is there is shown.
      await using record = await store.open('old-labels', given);
      expect(await shownLabels(record)).toEqual([{}, {}]);
    });

    test('are kept while a hold means the session', async () => {
      const clock = new SetClock();
      await using record = await store.open('held-labels', { ...sources(clock), retentionMs: dayMs });
      await openSession(record);
      const selection = { session: 'ses_1' };
      const hold = { id: 'hold_1', selection, reason: 'court', setBy: 'carol', setAtMs: 0 };
      await record.write({ events: [draft('hold_set')], hold });
      clock.advance(dayMs + 1);
      expect(await shownLabels(record)).toEqual([labels, labels]);
      expect(await record.planPurge(10)).toMatchObject({ sessionIds: [] });
    });
  });
}
