import * as fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Checkpointer } from '../../../src/audit/checkpoints/checkpointer.ts';
import { signingKey } from '../../../src/audit/checkpoints/signing-key.ts';
import { csvLines } from '../../../src/audit/export/csv.ts';
import { ocsfLines } from '../../../src/audit/export/ocsf.ts';
import { ndjsonLines } from '../../../src/audit/export/ndjson.ts';
import { verifyExport } from '../../../src/audit/export/verify-export.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { draft, intent, outcome, SetClock, sources } from '../../contract/record-fixtures.ts';
import type { ExportFilter, RecordStore, VerifyTrust } from '../../../src/audit/record.ts';

const home = mkdtempSync(join(tmpdir(), 'export-'));
const clock = new SetClock();
const key = signingKey(Buffer.alloc(32, 1));
const known: VerifyTrust = { publicKeys: [key.publicKey] };
let record: RecordStore;

interface OcsfEvent {
  readonly metadata: { readonly event_code: string };
}

/** 100 events of two tenants: more than are read at once. A checkpoint is the first and the last. */
beforeAll(async () => {
  record = openSqliteRecord({ ...sources(clock), dataDir: home });
  await using _checkpointer = await Checkpointer.start({
    record,
    writer: 'node-a/api-1',
    key,
    previousKey: null,
    anchors: [],
    everyMs: 60_000,
    clock,
    logger: { warn() {}, error() {} },
  });
  for (let call = 1; call <= 24; call += 1) {
    await record.write(intent(`call_${call}`));
    await record.write(outcome(`call_${call}`));
    await record.write({ events: [draft('audit_read', { tenant: 'other', principal: `=bob"${call}` })] });
    await record.write({ events: [draft('started', { tenant: 'other' })] });
  }
  await record.write({ events: [draft('denied'), draft('invalid')] });
});

afterAll(async () => {
  await record[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

async function exported(filter: Partial<ExportFilter> = {}): Promise<string[]> {
  const whole = await record.export({ tenant: null, ...filter });
  const lines = await Array.fromAsync(ndjsonLines(whole, '2026-01-02T03:04:05.000Z'));
  return lines.map((line) => line.trimEnd());
}

function verify(lines: readonly string[], trust = known) {
  return verifyExport(async function* () {
    yield* lines;
  }, trust);
}

describe('an NDJSON export', () => {
  test('of everything verifies without the store', async () => {
    const lines = await exported();
    expect(lines).toHaveLength(102);
    expect(await verify(lines)).toMatchObject({
      valid: true,
      events: 100,
      omitted: 0,
      trust: 'known-key',
      checkpoints: 2,
      afterLastCheckpoint: 1,
    });
  });

  test('of one tenant shows nothing of another but how many events it has, and verifies', async () => {
    const lines = await exported({ tenant: 'default' });
    expect(await verify(lines)).toMatchObject({ valid: true, events: 52, omitted: 48, problems: [] });
    expect(lines.join('\n')).not.toMatch(/bob|"tenant":"other"/);
    expect(lines.find((line) => line.startsWith('{"omitted"'))).toMatch(
      /^\{"omitted":\{"eventHash":"[0-9a-f]{64}","sequence":\d+,"writer":"node-a\/api-1"\}\}$/,
    );
  });

  test('of a filter shows what the search finds, and the checkpoints', async () => {
    const filters = [{ type: 'intent' }, { callId: 'call_7' }, { status: 'succeeded', tool: 'python_run' }];
    for (const filter of filters) {
      const found = (await record.listEvents({ tenant: null, ...filter, limit: 1_000, order: 'asc' })).items
        .length;
      expect(found).toBeGreaterThan(0);
      const report = await verify(await exported(filter));
      expect(report).toMatchObject({ valid: true, events: found + 2, omitted: 98 - found });
    }
  });

  test('is found out whatever character of whatever line was changed', async () => {
    const lines = await exported({ tenant: 'default' });
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.constantFrom('0', 'x', '"', ' '), async (a, b, character) => {
        const index = a % lines.length;
        const line = lines[index]!;
        const place = b % line.length;
        fc.pre(line[place] !== character);
        // The time of the export itself is a note, and signed by nobody.
        fc.pre(index !== 0 || !line.slice(0, place).includes('"time"'));
        const changed = line.slice(0, place) + character + line.slice(place + 1);
        const report = await verify(lines.with(index, changed));
        expect({ changed, valid: report.valid }).toEqual({ changed, valid: false });
      }),
      { numRuns: 150 },
    );
  });

  test('is found out when a line was removed, doubled or swapped, or the end was cut off', async () => {
    const lines = await exported({ tenant: 'default' });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: lines.length - 1 }), async (index) => {
        const next = (index + 1) % lines.length;
        const removed = lines.toSpliced(index, 1);
        const doubled = lines.toSpliced(index, 0, lines[index]!);
        const swapped = lines.with(index, lines[next]!).with(next, lines[index]!);
        for (const forged of [removed, doubled, swapped, lines.slice(0, index)])
          expect((await verify(forged)).valid).toBe(false);
      }),
      { numRuns: 60 },
    );
    expect((await verify(lines.slice(0, -1))).problems).toEqual([
      { kind: 'truncated', writer: '', sequence: 102, detail: 'the export has no end' },
    ]);
    expect((await verify(lines.toSpliced(1, 1))).problems[0]).toMatchObject({ kind: 'missing', sequence: 1 });
  });

  test('is found out when a reader would see another event than the one that is verified', async () => {
    const lines = await exported();
    const twice = lines[1]!.replace('{"event":', '{"event":{"type":"denied"},"event":');
    expect((await verify(lines.with(1, twice))).problems[0]).toEqual({
      kind: 'altered',
      writer: '',
      sequence: 2,
      detail: 'line 2 is not a line of canonical JSON',
    });
  });

  test('that was cut off together with a new end is found by an anchor', async () => {
    const page = await record.listEvents({ tenant: null, type: 'checkpoint', limit: 10, order: 'asc' });
    const anchors = page.items.map(({ details }) => details);
    const lines = await exported();
    const { hash } = JSON.parse(lines[50]!) as { hash: string };
    const head = `{"hash":"${hash}","sequence":50,"writer":"node-a/api-1"}`;
    const forged = [...lines.slice(0, 51), `{"end":{"events":50,"heads":[${head}],"omitted":0}}`];
    expect((await verify(forged)).valid).toBe(true);
    expect((await verify(forged, { anchors })).problems).toEqual([
      {
        kind: 'truncated',
        writer: 'node-a/api-1',
        sequence: 51,
        detail: 'the chain ends at 50, anchor 2 signed event 99',
      },
    ]);
  });
});

test('a CSV export is a table that no spreadsheet computes', async () => {
  const shown = await record.export({ tenant: 'other', type: 'audit_read' });
  const lines = await Array.fromAsync(csvLines(shown));
  expect(lines[0]).toBe(
    '"time","type","status","tenant","principal","key","tool","effect","policy","rule","callId","requestId","id","writer","sequence"\r\n',
  );
  expect(lines[1]).toMatch(
    /^"2026-01-02T03:04:05\.000Z","audit_read","","other","'=bob""1","","python_run","allow","base","python","",.*,"4"\r\n$/,
  );
  expect(lines).toHaveLength(1 + 24);
});

test('a CSV or OCSF export holds the checkpoints only where its filter means them', async () => {
  const typesOf = async (filter: Partial<ExportFilter>) => {
    const csv = await Array.fromAsync(csvLines(await record.export({ tenant: null, ...filter })));
    const ocsf = await Array.fromAsync(ocsfLines(await record.export({ tenant: null, ...filter }), '0.1.0'));
    const codes = ocsf.map((line) => (JSON.parse(line) as OcsfEvent).metadata.event_code);
    expect(csv.slice(1).map((line) => line.split('"')[3])).toEqual(codes);
    return codes;
  };
  expect(await typesOf({ type: 'denied' })).toEqual(['denied']);
  expect(await typesOf({ type: 'decoy_tripped' })).toEqual([]);
  expect(await typesOf({ status: 'failed' })).toEqual([]);
  expect(await typesOf({ type: 'checkpoint' })).toEqual(['checkpoint', 'checkpoint']);
  expect((await typesOf({})).filter((type) => type === 'checkpoint')).toHaveLength(2);
});
