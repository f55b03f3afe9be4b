import Database from 'better-sqlite3';
import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAnchor } from '../../../src/audit/checkpoints/anchors.ts';
import type { CheckpointerOptions } from '../../../src/audit/checkpoints/checkpointer.ts';
import { Checkpointer } from '../../../src/audit/checkpoints/checkpointer.ts';
import { signingKey } from '../../../src/audit/checkpoints/signing-key.ts';
import { openSqliteRecord, openSqliteRecordReadOnly } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, intent, outcome, SetClock, sources } from '../../contract/record-fixtures.ts';
import type { Anchor } from '../../../src/audit/checkpoints/anchors.ts';
import type { RecordStore, VerifyReport, VerifyTrust } from '../../../src/audit/record.ts';

const home = mkdtempSync(join(tmpdir(), 'checkpoints-'));
afterAll(() => rmSync(home, { recursive: true }));

const oldKey = signingKey(Buffer.alloc(32, 1));
const newKey = signingKey(Buffer.alloc(32, 2));
const thief = signingKey(Buffer.alloc(32, 3));
const writer = 'node-a/api-1';
const quiet: CheckpointerOptions['logger'] = { warn() {}, error() {} };

interface Given {
  readonly record: RecordStore;
  readonly clock: SetClock;
  readonly key?: typeof oldKey;
  readonly previousKey?: typeof oldKey;
  readonly anchors?: readonly Anchor[];
  readonly logger?: typeof quiet;
}

function start({ record, clock, key = oldKey, previousKey, anchors = [], logger = quiet }: Given) {
  const more = { previousKey: previousKey ?? null, anchors, everyMs: 60_000, logger };
  return Checkpointer.start({ record, writer, key, clock, ...more });
}

function open(name: string, clock: SetClock, idsFrom = 0): RecordStore {
  return openSqliteRecord({ ...sources(clock, idsFrom), dataDir: join(home, name) });
}

describe('a checkpoint', () => {
  test('is due after a minute in which something happened, and not before', async () => {
    const clock = new SetClock();
    await using record = open('due', clock);
    await using checkpointer = await start({ record, clock });
    clock.advance(60_000);
    expect(await checkpointer.checkpointIfDue()).toBe(false);
    await record.write({ events: [draft('audit_read')] });
    expect(await checkpointer.checkpointIfDue()).toBe(true);
    await record.write({ events: [draft('audit_read')] });
    clock.advance(59_999);
    expect(await checkpointer.checkpointIfDue()).toBe(false);
    clock.advance(1);
    expect(await checkpointer.checkpointIfDue()).toBe(true);
  });

  test('is due at once after ten thousand events, and when the clock goes back', async () => {
    const clock = new SetClock();
    await using record = open('many', clock);
    await using checkpointer = await start({ record, clock });
    const events = Array.from({ length: 9_999 }, () => draft('audit_read'));
    await record.write({ events });
    expect(await checkpointer.checkpointIfDue()).toBe(false);
    await record.write({ events: [draft('audit_read')] });
    expect(await checkpointer.checkpointIfDue()).toBe(true);
    await record.write({ events: [draft('audit_read')] });
    clock.advance(-1);
    expect(await checkpointer.checkpointIfDue()).toBe(true);
  });

  test('at the end leaves nothing uncovered but itself', async () => {
    const clock = new SetClock();
    await using record = open('end', clock);
    {
      await using _checkpointer = await start({ record, clock });
      await record.write({ events: [draft('stopped')] });
    }
    expect(await record.verify({ publicKeys: [oldKey.publicKey] })).toMatchObject({
      valid: true,
      trust: 'known-key',
      checkpoints: 2,
      events: 3,
      afterLastCheckpoint: 1,
    });
  });
});

describe('a signing key', () => {
  async function rotated(name: string, previousKey?: typeof oldKey) {
    const clock = new SetClock();
    const record = open(name, clock);
    const errors: string[] = [];
    const logger = { ...quiet, error: (_fields: object, message: string) => void errors.push(message) };
    for (const [key, given] of [[oldKey], [newKey, previousKey]] as const) {
      await using _checkpointer = await start({
        record,
        clock,
        key,
        logger,
        ...(given !== undefined && { previousKey: given }),
      });
      await record.write({ events: [draft('audit_read')] });
    }
    return { record, errors };
  }

  test('hands over to the next one, and both verify from the first', async () => {
    const { record } = await rotated('rotate', oldKey);
    await using _record = record;
    const { items } = await record.listEvents({
      tenant: null,
      type: 'chain_key_rotated',
      limit: 2,
      order: 'asc',
    });
    expect(items).toMatchObject([
      { details: { statement: { key: oldKey.publicKey, nextKey: newKey.publicKey } } },
    ]);
    expect(await record.verify({ publicKeys: [oldKey.publicKey] })).toMatchObject({
      valid: true,
      keys: [oldKey.publicKey, newKey.publicKey],
    });
    expect(await record.verify({ publicKeys: [newKey.publicKey] })).toMatchObject({ valid: true });
  });

  test('that changed without a hand-over is logged, and named by the verifier', async () => {
    const { record, errors } = await rotated('no-hand-over');
    await using _record = record;
    expect(errors).toEqual([expect.stringContaining('without a hand-over')]);
    const report = await record.verify({ publicKeys: [oldKey.publicKey] });
    expect(report.problems).toMatchObject([{ kind: 'checkpoint_invalid', sequence: 4 }]);
  });

  test('that handed over signs no more', async () => {
    const { record } = await rotated('retired', oldKey);
    await using _record = record;
    await using _checkpointer = await start({ record, clock: new SetClock(), key: oldKey });
    const report = await record.verify({ publicKeys: [oldKey.publicKey] });
    expect(report.problems).toMatchObject([{ kind: 'checkpoint_invalid' }]);
  });

  test('that signed nothing here finds the record unsigned', async () => {
    const { record } = await rotated('unsigned', oldKey);
    await using _record = record;
    const report = await record.verify({ publicKeys: [thief.publicKey] });
    expect(report.problems.map(({ kind }) => kind)).toContain('unsigned');
  });
});

describe('an anchor', () => {
  test('in a file is a line a checkpoint, appended', async () => {
    const clock = new SetClock();
    await using record = open('file', clock);
    const path = join(home, 'anchors.ndjson');
    const anchors = [createAnchor({ kind: 'file', path })];
    await using checkpointer = await start({ record, clock, anchors });
    await record.write({ events: [draft('audit_read')] });
    await checkpointer.checkpoint();
    expect(anchorLines(path)).toMatchObject([
      { statement: { heads: [] } },
      { statement: { heads: [{ writer, sequence: 2 }] } },
    ]);
    expect(await record.verify({ anchors: anchorLines(path) })).toMatchObject({
      valid: true,
      trust: 'anchored',
    });
  });

  test('at a syslog receiver is a counted RFC 5424 message', async () => {
    const received: Buffer[] = [];
    const server = createServer((socket) => socket.on('data', (chunk: Buffer) => received.push(chunk)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const clock = new SetClock();
    await using record = open('syslog', clock);
    await using _checkpointer = await start({
      record,
      clock,
      anchors: [createAnchor({ kind: 'syslog', host: '127.0.0.1', port })],
    });
    server.close();
    await once(server, 'close');
    const [, length, message = ''] = /^(\d+) (.*)$/s.exec(Buffer.concat(received).toString()) ?? [];
    expect(Buffer.byteLength(message)).toBe(Number(length));
    expect(message).toMatch(/^<109>1 2026-01-02T03:04:05\.000Z \S+ sallyport \d+ checkpoint - \{"signature"/);
  });

  test('that cannot be reached is logged, and the checkpoint stands', async () => {
    const clock = new SetClock();
    await using record = open('unreachable', clock);
    const errors: object[] = [];
    const logger = { ...quiet, error: (fields: object) => void errors.push(fields) };
    const path = join(home, 'no', 'such', 'folder');
    await using _checkpointer = await start({
      record,
      clock,
      logger,
      anchors: [createAnchor({ kind: 'file', path })],
    });
    expect(errors).toMatchObject([{ anchor: `file:${path}`, err: { code: 'ENOENT' } }]);
    expect((await record.verify()).checkpoints).toBe(1);
  });
});

function anchorLines(path: string): unknown[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

/** 12 events: a checkpoint at 1, at 5, and at 12; the last covers 11. */
describe('an operator who writes the whole database', () => {
  const intact = join(home, 'intact');
  const tampered = join(home, 'tampered');
  const noted = join(home, 'noted.ndjson');
  const clock = new SetClock();

  beforeAll(async () => {
    await using record = open('intact', clock);
    const anchors = [createAnchor({ kind: 'file', path: noted })];
    await using checkpointer = await start({ record, clock, anchors });
    for (const id of ['call_1', 'call_2', 'call_3', 'call_4', 'call_5']) {
      await record.write(intent(id));
      await record.write(outcome(id));
      if (id === 'call_2') await checkpointer.checkpoint();
    }
  });

  async function verifyAfter(
    change: (database: Database.Database) => void,
    trust: VerifyTrust = { publicKeys: [oldKey.publicKey] },
  ): Promise<VerifyReport> {
    rmSync(tampered, { recursive: true, force: true });
    cpSync(intact, tampered, { recursive: true });
    const intruder = new Database(join(tampered, 'record.db'));
    intruder.pragma('foreign_keys = OFF');
    intruder.exec('DROP TRIGGER audit_chain_no_update; DROP TRIGGER audit_chain_no_delete');
    change(intruder);
    intruder.close();
    using reader = openSqliteRecordReadOnly({ dataDir: tampered, clock });
    return await reader.verify(trust);
  }

  const clearCalls = 'DELETE FROM calls';
  const resetHead = `UPDATE writers SET (sequence, hash) =
    (SELECT sequence, hash FROM audit_chain ORDER BY position DESC LIMIT 1)`;

  test('is believed while nothing was changed', async () => {
    const trust = { publicKeys: [oldKey.publicKey], anchors: anchorLines(noted) };
    expect(await verifyAfter(() => {}, trust)).toMatchObject({
      valid: true,
      trust: 'anchored',
      events: 13,
      checkpoints: 6,
      afterLastCheckpoint: 1,
    });
  });

  test('cannot cut off a tail that was noted elsewhere, also with its checkpoints and head', async () => {
    const cut = fc.integer({ min: 1, max: 11 });
    await fc.assert(
      fc.asyncProperty(cut, async (kept) => {
        const report = await verifyAfter(
          (database) => {
            database.exec(`DELETE FROM audit_chain WHERE position > ${kept}; ${resetHead}; ${clearCalls}`);
          },
          { anchors: anchorLines(noted) },
        );
        expect(report.problems).toEqual([
          {
            kind: 'truncated',
            writer,
            sequence: kept + 1,
            detail: `the chain ends at ${kept}, anchor 3 signed event 12`,
          },
        ]);
      }),
      { numRuns: 11 },
    );
  });

  test('cannot write the chain anew from any event that a checkpoint covers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (from) => {
        const report = await verifyAfter((database) => {
          rewriteFrom(database, from);
          database.exec(clearCalls);
        });
        expect(report.problems).toMatchObject([{ kind: 'rewritten', writer }]);
        expect(report.problems[0]?.sequence).toBe(from <= 5 ? 5 : 12);
      }),
      { numRuns: 12 },
    );
  });

  test('cannot put checkpoints of a key of their own in the place of ours', async () => {
    const report = await verifyAfter((database) => {
      database.exec(`DELETE FROM audit_chain; DELETE FROM audit_content; DELETE FROM writers; ${clearCalls}`);
    });
    expect(report.problems).toMatchObject([{ kind: 'unsigned' }]);
    await using record = openSqliteRecord({ ...sources(clock), dataDir: tampered });
    {
      await using _checkpointer = await start({ record, clock, key: thief });
      await record.write(intent('call_1'));
    }
    expect((await record.verify()).valid).toBe(true);
    const known = await record.verify({ publicKeys: [oldKey.publicKey] });
    expect(known.problems.map(({ kind }) => kind)).toEqual(['checkpoint_invalid', 'unsigned']);
    const anchored = await record.verify({ anchors: anchorLines(noted) });
    expect(anchored.problems.map(({ kind }) => kind)).toContain('truncated');
  });

  test('cannot hide a checkpoint from the search for it', async () => {
    const report = await verifyAfter((database) => {
      database.exec(`UPDATE audit_chain SET type = 'audit_read' WHERE type = 'checkpoint'`);
    });
    expect(report.problems).toContainEqual(expect.objectContaining({ kind: 'altered', sequence: 13 }));
  });

  test('is found out by an anchor that was changed', async () => {
    const [first, ...rest] = anchorLines(noted) as { signature: string }[];
    const forged = { ...first, signature: '0'.repeat(128) };
    const report = await verifyAfter(() => {}, { anchors: [forged, ...rest, 'not one'] });
    expect(report.problems.map(({ kind, sequence }) => [kind, sequence])).toEqual([
      ['anchor_invalid', 1],
      ['anchor_invalid', 4],
    ]);
  });
});

/** Changes an event and gives it and all after it hashes that fit. */
function rewriteFrom(database: Database.Database, from: number): void {
  const hex = (text: string) => createHash('sha256').update(text).digest('hex');
  const rows = database
    .prepare('SELECT position, canonical, hash FROM audit_chain ORDER BY position')
    .all() as { position: number; canonical: Buffer; hash: string }[];
  let previous = rows[from - 2]?.hash ?? '0'.repeat(64);
  const update = database.prepare(
    'UPDATE audit_chain SET canonical = ?, event_hash = ?, previous_hash = ?, hash = ? WHERE position = ?',
  );
  for (const { position, canonical } of rows.slice(from - 1)) {
    const text = canonical
      .toString()
      .replace(/"nonce":"./, `"nonce":"${position === from ? 'x' : '$&'.slice(9)}`);
    const written = position === from ? text : canonical.toString();
    const eventHash = hex(written);
    const hash = hex(previous + eventHash);
    update.run(Buffer.from(written), eventHash, previous, hash, position);
    previous = hash;
  }
  database.prepare('UPDATE writers SET hash = ?').run(previous);
}
