import { describe, expect, test } from 'vitest';
import type { RecordStore, RecordWrite } from '../../src/audit/record.ts';
import { draft, intent, outcome, SetClock, sources, startMs } from './record-fixtures.ts';
import type { UpkeepStore } from './record-upkeep.ts';
import { FileGone, NoRoomForFile } from '../../src/audit/uploaded-files.ts';
import type { FileFacts } from '../../src/audit/uploaded-files.ts';

const data = new Uint8Array([0, 1, 255]);
const roomMax = { files: 2, bytes: 100 };

function facts(id: string, change: Partial<FileFacts> = {}): FileFacts {
  const owner = { tenant: 'default', principal: 'alice' };
  return { id, ...owner, sizeBytes: 3, sha256: 'cd'.repeat(32), expiresAtMs: startMs + 1_000, ...change };
}

function upload(file: FileFacts): RecordWrite {
  const named = { files: [{ id: file.id, sizeBytes: file.sizeBytes }] };
  const { tenant, principal } = file;
  return {
    events: [draft('file_written', { tenant, principal, details: named, content: { address: '::1' } })],
    file: { facts: file, data, roomMax },
  };
}

function remove({ id, sizeBytes, tenant, principal }: FileFacts): RecordWrite {
  const details = { change: 'removed', files: [{ id, sizeBytes }] };
  return {
    events: [draft('file_written', { tenant, principal, details })],
    removedFile: { id, tenant, principal },
  };
}

/** A call that took a file. */
async function take(record: RecordStore, callId: string, file: string): Promise<void> {
  const { events, ...rest } = intent(callId);
  const details = { files: [{ id: file, sizeBytes: 3 }] };
  await record.write({ ...rest, events: events.map((event) => ({ ...event, details })) });
  await record.write(outcome(callId));
}

async function erase(
  record: RecordStore,
  selection: { callId: string } | { principal: string },
): Promise<void> {
  const { places, callIds, calls, sessionIds } = await record.planErasure(selection, 10);
  const clearing = { places, callIds, calls: 'emptied', sessionIds } as const;
  const emptied = calls.map(({ call, ...owner }) => ({ ...owner, call: { ...call, result: null } }));
  const events = [
    draft('erased', { details: { selection } }),
    ...calls.map(({ call }) => draft('erased', { callId: call.id })),
  ];
  await record.write({ events, calls: emptied, clearing });
}

/** What every store does with uploaded files. */
export function recordFilesContract(name: string, store: UpkeepStore): void {
  describe(`${name}: uploaded files`, () => {
    test('are there with their event, over a restart, until they expire', async () => {
      const clock = new SetClock();
      {
        await using record = await store.open('files-kept', sources(clock));
        await record.write(upload(facts('file_1')));
      }
      await using record = await store.open('files-kept', sources(clock, 100));
      expect(await record.getFile('file_1')).toEqual(facts('file_1'));
      expect(new Uint8Array((await record.fileContent('file_1'))!)).toEqual(data);
      expect(await record.fileRoomUsed('default')).toEqual({ files: 1, bytes: 3 });
      clock.advance(1_000);
      expect([await record.getFile('file_1'), await record.fileContent('file_1')]).toEqual([null, null]);
      expect(await record.fileRoomUsed('default')).toEqual({ files: 0, bytes: 0 });
      expect(await record.getFile('file_2')).toBeNull();
      expect(await record.verify({ deep: true })).toMatchObject({ valid: true });
    });

    test('of one tenant are as many as it may have, also when all are written in one moment', async () => {
      await using record = await store.open('files-room', sources());
      const other = record.write(upload(facts('file_9', { tenant: 'other' })));
      const written = await Promise.allSettled(
        ['file_1', 'file_2', 'file_3'].map((id) => record.write(upload(facts(id)))),
      );
      await other;
      expect(written.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      expect(written[2]).toMatchObject({ reason: expect.any(NoRoomForFile) });
      expect(await record.getFile('file_3')).toBeNull();
      const { items } = await record.listEvents({ tenant: 'default', limit: 10, order: 'asc' });
      expect(items).toHaveLength(2);
      const large = upload(facts('file_8', { tenant: 'third', sizeBytes: 101 }));
      await expect(record.write(large)).rejects.toThrow(NoRoomForFile);
    });

    test('are listed for whom they are, newest first, page by page', async () => {
      await using record = await store.open('files-listed', sources());
      const room = { files: 9, bytes: 100 };
      for (const id of ['file_1', 'file_2', 'file_3'])
        await record.write({ ...upload(facts(id)), file: { facts: facts(id), data, roomMax: room } });
      await record.write(upload(facts('file_8', { principal: 'bob', tenant: 'other' })));
      await record.write(upload(facts('file_9', { tenant: 'other' })));
      const own = { tenant: 'default', principal: 'alice', limit: 2 };
      expect(await record.listFiles(own)).toEqual([facts('file_3'), facts('file_2')]);
      expect(await record.listFiles({ ...own, before: 'file_2' })).toEqual([facts('file_1')]);
    });

    test('that their owner removes are gone and give their room back, once', async () => {
      await using record = await store.open('files-removed', sources());
      await record.write(upload(facts('file_1')));
      for (const stranger of [{ principal: 'bob' }, { tenant: 'other' }])
        await expect(record.write(remove(facts('file_1', stranger)))).rejects.toThrow(FileGone);
      const both = [remove(facts('file_1')), remove(facts('file_1'))].map((write) => record.write(write));
      expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      expect([await record.getFile('file_1'), await record.fileContent('file_1')]).toEqual([null, null]);
      expect(await record.fileRoomUsed('default')).toEqual({ files: 0, bytes: 0 });
      const { items } = await record.listEvents({ tenant: 'default', limit: 10, order: 'asc' });
      expect(items.map(({ details }) => details['change'] ?? null)).toEqual([null, 'removed']);
    });

    test("that a hold means and their owner removes are nobody's, count on, and go with the purge after the hold", async () => {
      const clock = new SetClock();
      await using record = await store.open('files-removed-held', sources(clock));
      await record.write(upload(facts('file_1')));
      const selection = { principal: 'alice' };
      const hold = { id: 'hold_1', selection, reason: 'r', setBy: 'c', setAtMs: startMs };
      await record.write({ events: [draft('hold_set')], hold });
      await record.write(remove(facts('file_1')));
      await expect(record.write(remove(facts('file_1')))).rejects.toThrow(FileGone);
      expect([await record.getFile('file_1'), await record.fileContent('file_1')]).toEqual([null, null]);
      expect(await record.listFiles({ tenant: 'default', principal: 'alice', limit: 9 })).toEqual([]);
      expect(await record.fileRoomUsed('default')).toEqual({ files: 1, bytes: 3 });
      clock.advance(1_000);
      expect(await record.planPurge(10)).toMatchObject({ files: 0 });
      await record.write({ events: [draft('hold_released')], releasedHold: 'hold_1' });
      expect(await record.planPurge(10)).toMatchObject({ files: 1 });
      await record.write({ events: [draft('purged')], dropsExpired: true });
      clock.set(startMs);
      expect(await record.fileRoomUsed('default')).toEqual({ files: 0, bytes: 0 });
    });

    test('go with the purge once they expired, unless a hold means a call that took them', async () => {
      const clock = new SetClock();
      await using record = await store.open('files-purged', sources(clock));
      await record.write(upload(facts('file_1')));
      await record.write(upload(facts('file_2')));
      await take(record, 'call_1', 'file_2');
      const hold = {
        id: 'hold_1',
        selection: { callId: 'call_1' },
        reason: 'r',
        setBy: 'c',
        setAtMs: startMs,
      };
      await record.write({ events: [draft('hold_set')], hold });
      clock.advance(1_000);
      expect(await record.planPurge(10)).toMatchObject({ files: 1 });
      await record.write({ events: [draft('purged')], dropsExpired: true });
      clock.set(startMs);
      expect(await record.getFile('file_1')).toBeNull();
      expect(await record.getFile('file_2')).not.toBeNull();
    });

    test('go with the erasure of who uploaded them, and of a call that took them', async () => {
      await using record = await store.open('files-erased', sources());
      await record.write(upload(facts('file_1')));
      await record.write(upload(facts('file_2', { principal: 'bob' })));
      await erase(record, { principal: 'alice' });
      expect(await record.getFile('file_1')).toBeNull();
      expect(await record.getFile('file_2')).not.toBeNull();
      await take(record, 'call_1', 'file_2');
      await erase(record, { callId: 'call_1' });
      expect(await record.getFile('file_2')).toBeNull();
      expect(await record.verify({ deep: true })).toMatchObject({ valid: true });
    });
  });
}
