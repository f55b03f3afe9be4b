/**
 * B8: durable appends, 64 in flight, against better-sqlite3 that writes the same rows into the same tables and indexes in
 * transactions of 50, and neither seals, hashes nor copies between threads. B9: verification against reading and hashing each
 * stored row. A filtered page, and an export, over the same events.
 */
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ndjsonLines } from '../../src/audit/export/ndjson.ts';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import type { EventQuery, RecordStore, RecordWrite, StoredEvent } from '../../src/audit/record.ts';
import { createIdSource, createRandomSource } from '../../src/calls/ids.ts';

const appends = Number(process.env['BENCH_APPENDS'] ?? 20_000);
const events = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);
const inFlight = 64;
const batch = 50;
const pages = 40;
const clock = { now: () => Date.now() };

function open(dataDir: string): RecordStore {
  const random = createRandomSource();
  const sources = { randomBytes: random, newId: createIdSource(random), writer: 'bench/api-1', clock };
  return openSqliteRecord({ ...sources, dataDir });
}

const tools = ['python_run', 'js_run', 'shell_run', 'csv_profile'];
const statuses = ['failed', 'timed_out', 'crashed', 'blocked'];

/** An outcome as a call leaves it: decision, runtime, usage, a finding now and then, some content. */
function write(number: number): RecordWrite {
  const isDenied = number % 500 === 0;
  return {
    events: [
      {
        type: isDenied ? 'denied' : 'outcome',
        callId: `call_${String(number).padStart(26, '0')}`,
        tenant: `tenant-${number % 7}`,
        principal: `agent-${number % 211}`,
        key: `key${number % 50}`,
        requestId: `req_${number}`,
        tool: tools[number % tools.length] ?? '',
        decision: {
          effect: isDenied ? 'deny' : 'allow',
          policy: 'developers',
          rule: `rule-${number % 23}`,
          matched: [`developers/rule-${number % 23}`],
          revision: `sha256:${'0'.repeat(64)}`,
        },
        status: number % 97 === 0 ? (statuses[number % statuses.length] ?? '') : 'succeeded',
        runtime: { kind: 'isolate', confinement: 'bwrap', image: null, warm: true },
        usage: { queueMs: 0, wallMs: 10.9, cpuMs: 7.8, memoryPeakBytes: 577_536, outputBytes: 13 },
        content: {
          args: { code: `return input.a + ${number}`, input: { a: 1, b: 'two' } },
          result: { sum: number, text: `answer number ${number}` },
          labels: { ticket: `T-${number % 5_000}` },
        },
      },
    ],
  };
}

/** Appends, so many at once in flight; milliseconds. */
async function append(
  record: RecordStore,
  from: number,
  count: number,
  sink?: StoredEvent[],
): Promise<number> {
  const startedAt = performance.now();
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < from + count) {
      const receipt = await record.write(write((next += 1)));
      if (sink !== undefined) sink.push(...receipt.events());
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return performance.now() - startedAt;
}

/** The same rows, as plain as they can be written. */
function appendPlainly(directory: string, rows: readonly unknown[][]): number {
  const database = new Database(join(directory, 'plain.db'));
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec(plainSchema);
    const chain = database.prepare(`INSERT INTO audit_chain VALUES (${Array(19).fill('?').join(', ')})`);
    const content = database.prepare('INSERT INTO audit_content VALUES (?, ?, ?)');
    const startedAt = performance.now();
    for (let start = 0; start < rows.length; start += batch) {
      database.exec('BEGIN IMMEDIATE');
      for (const [salt, text, ...row] of rows.slice(start, start + batch)) {
        chain.run(...row);
        content.run(row[0], salt, text);
      }
      database.exec('COMMIT');
    }
    return performance.now() - startedAt;
  } finally {
    database.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `plain.db${suffix}`), { force: true });
  }
}

/** Schema of the chain and its content, read from a record, so that both have the same. */
let plainSchema = '';

function readRows(dataDir: string): unknown[][] {
  const database = new Database(join(dataDir, 'record.db'), { readonly: true });
  try {
    const parts = database
      .prepare(
        `SELECT sql FROM sqlite_schema WHERE tbl_name IN ('audit_chain', 'audit_content') AND type IN ('table', 'index')
           AND sql IS NOT NULL`,
      )
      .pluck()
      .all() as string[];
    plainSchema = parts.join(';\n');
    return database
      .prepare(
        `SELECT c.salt, c.content, e.* FROM audit_chain e JOIN audit_content c ON c.position = e.position ORDER BY e.position`,
      )
      .raw()
      .all() as unknown[][];
  } finally {
    database.close();
  }
}

export interface RecordBench {
  readonly median: (values: readonly number[]) => number;
  readonly pairs: number;
}

export async function benchRecord({ median, pairs }: RecordBench, say = (_text: string): void => {}) {
  const home = mkdtempSync(join(process.env['BENCH_DIR'] ?? process.cwd(), '.bench-record-'));
  try {
    const B8 = await benchAppends(home, { median, pairs }, say);
    const rest = await benchMillion(home, { median, pairs }, say);
    return { B8, ...rest };
  } finally {
    rmSync(home, { recursive: true });
  }
}

async function benchAppends(home: string, { median, pairs }: RecordBench, say: (text: string) => void) {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let pair = 0; pair <= pairs; pair += 1) {
    const dataDir = join(home, `append-${pair}`);
    {
      await using record = open(dataDir);
      await append(record, 0, 500);
      const ms = await append(record, 500, appends);
      if (pair > 0) ours.push((appends / ms) * 1000);
    }
    const rows = readRows(dataDir);
    const ms = appendPlainly(home, rows);
    // The first pair warms up.
    if (pair > 0) plain.push((rows.length / ms) * 1000);
    rmSync(dataDir, { recursive: true });
    if (pair > 0)
      say(`  appends a second: ours ${Math.round(ours.at(-1) ?? 0)}, plain ${Math.round(plain.at(-1) ?? 0)}`);
  }
  return {
    oursPerSecond: Math.round(median(ours)),
    plainPerSecond: Math.round(median(plain)),
    ratio: round(median(ours.map((value, index) => value / (plain[index] ?? Number.NaN)))),
  };
}

async function benchMillion(home: string, { median, pairs }: RecordBench, say: (text: string) => void) {
  const dataDir = join(home, 'million');
  await using record = open(dataDir);
  say(`  writing ${events} events`);
  const fillMs = await append(record, 0, events);
  const bytes = statSync(join(dataDir, 'record.db')).size;
  const verify: number[] = [];
  const hashing: number[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    let startedAt = performance.now();
    const report = await record.verify();
    verify.push(performance.now() - startedAt);
    if (!report.valid || report.events !== events)
      throw new Error(`not valid: ${JSON.stringify(report.problems)}`);
    startedAt = performance.now();
    readAndHash(dataDir);
    hashing.push(performance.now() - startedAt);
    say(`  verify ${Math.round(verify.at(-1) ?? 0)} ms, read and hash ${Math.round(hashing.at(-1) ?? 0)} ms`);
  }
  const page = await benchPages(record, median);
  const exported = await benchExport(record);
  const scrubStartedAt = performance.now();
  await record.scrub();
  return {
    million: {
      events,
      fillMs: Math.round(fillMs),
      fileMiB: Math.round(bytes / 1024 ** 2),
      scrubMs: Math.round(performance.now() - scrubStartedAt),
    },
    B9: {
      verifyMs: Math.round(median(verify)),
      hashMs: Math.round(median(hashing)),
      ratio: round(median(verify.map((value, index) => (hashing[index] ?? Number.NaN) / value))),
    },
    page,
    export: exported,
  };
}

/** Each stored row read and hashed once, and nothing else. */
function readAndHash(dataDir: string): void {
  const database = new Database(join(dataDir, 'record.db'), { readonly: true });
  const rows = database
    .prepare(
      'SELECT e.canonical, c.content FROM audit_chain e LEFT JOIN audit_content c ON c.position = e.position',
    )
    .raw();
  for (const [canonical, content] of rows.iterate() as IterableIterator<[Buffer, Buffer | null]>) {
    createHash('sha256').update(canonical).digest('hex');
    if (content !== null) createHash('sha256').update(content).digest('hex');
  }
  database.close();
}

const queries: Readonly<Record<string, (index: number) => Partial<EventQuery>>> = {
  newest: () => ({}),
  principal: (index) => ({ principal: `agent-${index}` }),
  'principal and failed': (index) => ({ principal: `agent-${index}`, status: 'failed' }),
  'denied by a rule in a tenant': (index) => ({
    tenant: `tenant-${index % 7}`,
    effect: 'deny',
    rule: `rule-${index % 23}`,
  }),
  label: (index) => ({ label: `ticket=T-${index}` }),
  'key and tool': (index) => ({ key: `key${index}`, tool: tools[index % 4] ?? '' }),
  'rare word': (index) => ({ text: `${index * 7919 + 5}` }),
  'frequent words': () => ({ text: 'answer number' }),
  'frequent word of a principal': (index) => ({ text: 'answer', principal: `agent-${index}` }),
  'older half': (index) => ({ tool: tools[index % 4] ?? '', to: new Date(Date.now() - 5_000).toISOString() }),
};

/** p50 and p99 of a page of 100 for each kind of filter, milliseconds. */
async function benchPages(record: RecordStore, median: (values: readonly number[]) => number) {
  const result: Record<string, { p50Ms: number; maxMs: number }> = {};
  for (const [name, query] of Object.entries(queries)) {
    const times: number[] = [];
    for (let index = 0; index < pages; index += 1) {
      const startedAt = performance.now();
      await record.listEvents({ tenant: null, limit: 100, order: 'desc', ...query(index) });
      times.push(performance.now() - startedAt);
    }
    result[name] = { p50Ms: round(median(times)), maxMs: round(Math.max(...times)) };
  }
  return result;
}

/** Everything as NDJSON, taken as fast as it comes: time, and how much the process grew. */
async function benchExport(record: RecordStore) {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  let bytes = 0;
  let lines = 0;
  const startedAt = performance.now();
  for await (const line of ndjsonLines(await record.export({ tenant: null }), new Date().toISOString())) {
    bytes += line.length;
    lines += 1;
    if (lines % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().rss);
  }
  return {
    lines,
    mebibytes: Math.round(bytes / 1024 ** 2),
    ms: Math.round(performance.now() - startedAt),
    grownMiB: Math.round((peak - before) / 1024 ** 2),
  };
}

const round = (value: number): number => Number(value.toFixed(2));

if (import.meta.main) {
  const median = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const result = await benchRecord({ median, pairs: 3 }, (text) => void process.stderr.write(`${text}\n`));
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}
