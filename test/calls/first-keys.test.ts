import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RecordStore } from '../../src/audit/record.ts';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { ensureFirstKeys } from '../../src/calls/first-keys.ts';
import { KeyRing } from '../../src/calls/key-ring.ts';

const clock = { now: () => Date.now() };
let dataDir = '';
let record: RecordStore;
let keys: KeyRing;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'first-keys-'));
  let ids = 0;
  const newId = (prefix: string): string => `${prefix}_${(ids += 1)}`;
  record = openSqliteRecord({ dataDir, writer: 'test', clock, newId, randomBytes });
  keys = new KeyRing({ record, clock });
});
afterEach(async () => {
  await record[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true });
});

const fileOf = (name: string): string => join(dataDir, name);
const ensure = (bootstrapKey: string | null) => ensureFirstKeys({ dataDir, record, keys, bootstrapKey });

async function opens(secret: string): Promise<string | null> {
  const secretHash = createHash('sha256').update(secret).digest('hex');
  return (await keys.list()).find((key) => key.secretHash === secretHash)?.principal ?? null;
}

test('a first start writes both, for their owner alone; the next one writes none', async () => {
  expect(await ensure(null)).toEqual([fileOf('bootstrap.key'), fileOf('approver.key')]);
  for (const name of ['bootstrap', 'approver']) {
    expect(statSync(fileOf(`${name}.key`)).mode & 0o777).toBe(0o600);
    expect(await opens(readFileSync(fileOf(`${name}.key`), 'utf8').trim())).toBe(name);
  }
  expect(await ensure(null)).toEqual([]);
});

test('a secret that is given in its place opens, and the file whose secret does no longer is gone', async () => {
  await ensure(null);
  const before = readFileSync(fileOf('bootstrap.key'), 'utf8').trim();
  const given = `spk_boot_${'x'.repeat(43)}`;
  await ensure(given);
  expect([await opens(given), await opens(before)]).toEqual(['bootstrap', null]);
  expect([existsSync(fileOf('bootstrap.key')), existsSync(fileOf('approver.key'))]).toEqual([false, true]);
});

test('one with an id of its own is one more key', async () => {
  await ensure(null);
  const before = readFileSync(fileOf('bootstrap.key'), 'utf8').trim();
  const given = `spk_ci_${'x'.repeat(43)}`;
  await ensure(given);
  expect([await opens(given), await opens(before)]).toEqual(['bootstrap', 'bootstrap']);
  expect(existsSync(fileOf('bootstrap.key'))).toBe(true);
});
