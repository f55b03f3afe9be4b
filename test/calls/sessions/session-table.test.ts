/** What several processes agree on about the sessions of their node. */
import { expect, test } from 'vitest';
import { SessionTable } from '../../../src/calls/sessions/session-table.ts';
import { SharedDesk } from '../../../src/supervisor/shared-desk.ts';

const entry = (id: string, principal = 'ana') => ({
  id,
  tenant: 'acme',
  principal,
  image: 'python',
  callCount: 0,
});
const limits = { perPrincipal: 2, perTenant: 3 };

test('a limit holds for all processes together, also while sessions are only being opened', () => {
  const table = new SessionTable();
  expect(table.reserve(1, entry('s1'), limits)).toEqual({ kind: 'reserved' });
  expect(table.reserve(2, entry('s2'), limits)).toEqual({ kind: 'reserved' });
  expect(table.reserve(1, entry('s3'), limits)).toEqual({ kind: 'too_many', of: 'principal', count: 2 });
  expect(table.reserve(2, entry('s3', 'ben'), limits)).toEqual({ kind: 'reserved' });
  expect(table.reserve(1, entry('s4', 'ben'), limits)).toEqual({ kind: 'too_many', of: 'tenant', count: 3 });
  table.remove('s1');
  expect(table.reserve(1, entry('s4', 'ben'), limits)).toEqual({ kind: 'reserved' });
});

test('one process has a session at a time, and hands on how often it was used', () => {
  const table = new SessionTable();
  table.reserve(1, entry('s1'), limits);
  expect(table.claim(1, 's1')).toEqual({ kind: 'claimed', callCount: 0 });
  expect(table.claim(2, 's1')).toEqual({ kind: 'busy' });
  table.release(2, 's1', { isChanged: true, callCount: 9 });
  expect(table.claim(2, 's1')).toEqual({ kind: 'busy' });
  table.release(1, 's1', { isChanged: true, callCount: 1 });
  expect(table.claim(2, 's1')).toEqual({ kind: 'claimed', callCount: 1 });
  expect(table.look('s1')).toEqual({ callCount: 1, sequence: 1, isBusy: true });
});

test('one process alone writes down an end, and what is over does not come back', () => {
  const table = new SessionTable();
  table.reserve(1, entry('s1'), limits);
  expect([table.close(2, 's1'), table.close(1, 's1')]).toEqual([true, false]);
  expect(table.claim(1, 's1')).toEqual({ kind: 'over' });
  table.remove('s1');
  // Of a process that read the record just before.
  table.add([entry('s1')]);
  expect(table.look('s1')).toBeNull();
  expect(table.count).toBe(0);
});

test('what a process had in hand when it died is free again, and counts as changed', () => {
  const table = new SessionTable();
  for (const id of ['held', 'ending']) {
    table.reserve(1, entry(id), limits);
    table.add([entry(id)]);
  }
  table.reserve(1, entry('opening', 'ben'), limits);
  table.claim(1, 'held');
  table.close(1, 'ending');
  table.forget(1);
  expect(table.look('held')).toEqual({ callCount: 0, sequence: 1, isBusy: false });
  expect(table.close(2, 'ending')).toBe(true);
  expect(table.look('opening')).toBeNull();
});

test('a session that looks busy is asked for again once its holder was heard out', async () => {
  const desk = new SharedDesk({ workersCount: 2, onRunnerSilent: () => {} });
  const nobody = async (): Promise<void> => {};
  const ask = (who: number, topic: string, data: unknown, heard = nobody) =>
    desk.answer(who, topic, data as null, heard);
  await ask(1, 'sessions.reserve', { entry: entry('s1'), limits });
  await ask(1, 'sessions.claim', 's1');
  const heardOut = async (): Promise<void> => {
    await ask(1, 'sessions.release', { id: 's1', isChanged: true, callCount: 1 });
  };
  expect(await ask(2, 'sessions.claim', 's1', heardOut)).toEqual({ kind: 'claimed', callCount: 1 });
  expect(await ask(1, 'sessions.claim', 's1')).toEqual({ kind: 'busy' });
});

test('turns are taken one after the other, with the note of the one before; a process that dies ends its own', async () => {
  const desk = new SharedDesk({ workersCount: 3, onRunnerSilent: () => {} });
  const ask = (who: number, topic: string, data: string | null) =>
    desk.answer(who, topic, data, async () => {});
  expect(await ask(1, 'turn.take', null)).toBeNull();
  const second = ask(2, 'turn.take', null);
  const third = ask(3, 'turn.take', null);
  await ask(3, 'turn.end', 'not its turn');
  await ask(1, 'turn.end', 'a');
  expect(await second).toBe('a');
  desk.forget(2);
  expect(await third).toBe('a');
});
