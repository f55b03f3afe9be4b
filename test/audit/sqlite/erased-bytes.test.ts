import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, SetClock, sources, startMs, storedCall } from '../../contract/record-fixtures.ts';
import type { RecordStore } from '../../../src/audit/record.ts';

const home = mkdtempSync(join(tmpdir(), 'erased-'));
afterAll(() => rmSync(home, { recursive: true }));

/** Of which calls a text stands anywhere in the bytes of the files of a record. */
function numbersInBytes(dataDir: string): number[] {
  const files = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name), 'latin1'));
  const numbers = files.flatMap((bytes) => bytes.match(/(?<=needle)[0-9]+(?=x)/g) ?? []).map(Number);
  return [...new Set(numbers)].sort((one, other) => one - other);
}

/** A call whose every erasable place holds a text of its own. Sizes differ, so that pages split and rows move. */
async function writeCall(record: RecordStore, number: number): Promise<void> {
  const id = `call_${number}`;
  const secret = `needle${number}x`;
  const body = `${secret} ${'filler '.repeat((number * 37) % 900)}${secret}`;
  const labels = { label: secret };
  await record.write({
    events: [draft('intent', { callId: id, content: { args: { body }, labels, address: secret } })],
    calls: [storedCall(id, 'running', { labels })],
    idempotency: {
      principal: 'alice',
      key: id,
      fingerprint: secret,
      callId: id,
      expiresAtMs: startMs + 1_000_000,
    },
  });
  const artifact = { id: `art_${number}`, callId: id, tenant: 'default', principal: 'alice', name: secret };
  await record.write({
    events: [draft('outcome', { callId: id, content: { result: { body } } })],
    calls: [storedCall(id, 'succeeded', { labels, result: { body } })],
    artifacts: [
      { ...artifact, mediaType: 'text/plain', sha256: secret, data: Buffer.from(body), expiresAtMs: 1e15 },
    ],
  });
}

test('erased content is nowhere in the bytes of the file or its log, and the chain verifies', async () => {
  const dataDir = join(home, 'bytes');
  const clock = new SetClock();
  await using record = openSqliteRecord({ ...sources(clock), dataDir });
  const numbers = Array.from({ length: 120 }, (_none, index) => index + 100);
  for (const number of numbers) await writeCall(record, number);
  expect(numbersInBytes(dataDir)).toEqual(numbers);
  const erased = numbers.filter((number) => number % 3 !== 0);
  for (const number of erased) {
    const { places, callIds, calls, sessionIds } = await record.planErasure({ callId: `call_${number}` }, 1);
    await record.write({
      events: [draft('erased', { callId: `call_${number}` })],
      calls: calls.map(({ call, ...owner }) => ({ ...owner, call: { ...call, result: null, labels: {} } })),
      clearing: { places, callIds, calls: 'emptied', sessionIds },
    });
  }
  await record.scrub();
  expect(numbersInBytes(dataDir)).toEqual(numbers.filter((number) => number % 3 === 0));
  expect(await record.verify()).toMatchObject({ valid: true, problems: [] });
});

test('a reader who keeps the log from being emptied is no success: it stays due, and is done later', async () => {
  const dataDir = join(home, 'reader');
  await using record = openSqliteRecord({ ...sources(), dataDir });
  await writeCall(record, 1);
  const { places, callIds, sessionIds } = await record.planErasure({ callId: 'call_1' }, 1);
  await record.write({
    events: [draft('erased', { callId: 'call_1' })],
    calls: [storedCall('call_1', 'succeeded')],
    clearing: { places, callIds, calls: 'emptied', sessionIds },
  });
  const { default: Database } = await import('better-sqlite3');
  const reader = new Database(join(dataDir, 'record.db'));
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM audit_chain').get();
  await expect(record.scrub()).rejects.toThrow('another process holds the database');
  expect(await record.scrubDue()).toBe('now');
  reader.close();
  await record.scrub();
  expect(await record.scrubDue()).toBe('no');
  expect(numbersInBytes(dataDir)).toEqual([]);
});
