/**
 * On SQLite and on PostgreSQL. B8: durable appends, 64 in flight, against a peer that writes the same rows into the same
 * tables and indexes in transactions of 50, and neither seals, hashes nor derives anything: once the chain and its content
 * alone, once also the terms and words of the search. B9: verification against reading and hashing each stored row. Then
 * pages and an export over the same events, with the process's memory while it runs.
 *
 * `BENCH_KEEP`: a folder for the stores of a million events; what is there is taken as it is.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ndjsonLines } from '../../src/audit/export/ndjson.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { append, questions } from './record-events.ts';
import { postgresStore } from './record-postgres.ts';
import { sqliteStore } from './record-sqlite.ts';
import type { RecordStore } from '../../src/audit/record.ts';

const appends = Number(process.env['BENCH_APPENDS'] ?? 20_000);
const events = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);
const pages = 40;
/** Lines of an export between two looks at the memory. */
const linesPerLook = 50_000;

/** `chain`: the chain and its content. `all`: terms and words of the search as well. */
export type PlainRows = 'chain' | 'all';

/** A kind of store, with stores by names and what is done to them without us. */
export interface BenchedStore {
  readonly name: string;
  readonly open: (name: string) => Promise<RecordStore>;
  readonly drop: (name: string) => Promise<void>;
  readonly mebibytes: (name: string) => Promise<number>;
  readonly appendPlainly: (name: string, rows: PlainRows) => Promise<{ rows: number; ms: number }>;
  readonly readAndHash: (name: string) => Promise<void>;
}

export interface RecordBench {
  readonly median: (values: readonly number[]) => number;
  readonly pairs: number;
  readonly say?: (text: string) => void;
  /** Which parts; all where it is left out. */
  readonly parts?: readonly string[];
}

export async function benchRecord(bench: RecordBench) {
  const home =
    process.env['BENCH_KEEP'] ??
    mkdtempSync(join(process.env['BENCH_DIR'] ?? process.cwd(), '.bench-record-'));
  // PostgreSQL may run as another user.
  chmodSync(home, 0o711);
  try {
    // As a small server of its own would be set; commits wait for the disk.
    const settings = { shared_buffers: '512MB', maintenance_work_mem: '256MB', max_wal_size: '4GB' };
    const keptFolder = join(home, 'postgres');
    const results: Record<string, unknown> = { postgresSettings: settings };
    if (wants(bench, 'sqlite')) results['sqlite'] = await benchStore(sqliteStore(home), bench);
    if (wants(bench, 'postgres')) {
      await using server = await PostgresServer.start({ keptFolder, settings });
      results['postgres'] = await benchStore(postgresStore(server), bench);
    }
    return results;
  } finally {
    if (process.env['BENCH_KEEP'] === undefined) rmSync(home, { recursive: true });
  }
}

function wants({ parts }: RecordBench, part: string): boolean {
  return parts === undefined || parts.includes(part);
}

async function benchStore(store: BenchedStore, bench: RecordBench) {
  return {
    ...(wants(bench, 'appends') && { B8: await benchAppends(store, bench) }),
    ...(await benchMillion(store, bench)),
  };
}

async function benchAppends(store: BenchedStore, { median, pairs, say }: RecordBench) {
  const ours: number[] = [];
  const plain: Record<PlainRows, number[]> = { chain: [], all: [] };
  // The first pair warms up.
  for (let pair = 0; pair <= pairs; pair += 1) {
    const name = `append-${pair}`;
    {
      await using record = await store.open(name);
      await append(record, 0, 500);
      ours.push((appends / (await append(record, 500, appends))) * 1000);
    }
    for (const kind of ['chain', 'all'] as const) {
      const { rows, ms } = await store.appendPlainly(name, kind);
      plain[kind].push((rows / ms) * 1000);
    }
    await store.drop(name);
    const figures = [ours, plain.all, plain.chain].map((values) => Math.round(values.at(-1) ?? 0));
    say?.(
      `  ${store.name}, appends a second: ours ${figures[0]}, plain ${figures[1]}, chain alone ${figures[2]}`,
    );
  }
  const measured = (values: readonly number[]): readonly number[] => values.slice(1);
  const ratio = (kind: PlainRows): number =>
    round(median(measured(ours.map((value, index) => value / (plain[kind][index] ?? Number.NaN)))));
  return {
    oursPerSecond: Math.round(median(measured(ours))),
    plainPerSecond: Math.round(median(measured(plain.all))),
    ratio: ratio('all'),
    plainChainAlonePerSecond: Math.round(median(measured(plain.chain))),
    ratioToChainAlone: ratio('chain'),
  };
}

async function benchMillion(store: BenchedStore, bench: RecordBench) {
  const name = 'million';
  await using record = await store.open(name);
  const [head] = await record.heads();
  const have = head?.sequence ?? 0;
  if (have < events) bench.say?.(`  ${store.name}: writing ${events - have} events`);
  const fillMs = await append(record, have, Math.max(events - have, 0));
  return {
    million: { events, fillMs: Math.round(fillMs), mebibytes: Math.round(await store.mebibytes(name)) },
    ...(wants(bench, 'verify') && { B9: await benchVerify(store, record, bench) }),
    ...(wants(bench, 'pages') && { pages: await benchPages(record, bench) }),
    ...(wants(bench, 'export') && { export: await benchExport(record) }),
    ...(wants(bench, 'deep') && { deep: await benchDeep(record) }),
    ...(wants(bench, 'scrub') && { scrubMs: await timed(() => record.scrub()) }),
  };
}

async function benchVerify(store: BenchedStore, record: RecordStore, { median, pairs, say }: RecordBench) {
  const verify: number[] = [];
  const hashing: number[] = [];
  const memory = new MemoryWatch();
  for (let pair = 0; pair < pairs; pair += 1) {
    verify.push(await timed(() => verified(record, false)));
    memory.look();
    hashing.push(await timed(() => store.readAndHash('million')));
    say?.(`  ${store.name}: verify ${verify.at(-1)} ms, read and hash ${hashing.at(-1)} ms`);
  }
  return {
    verifyMs: Math.round(median(verify)),
    hashMs: Math.round(median(hashing)),
    ratio: round(median(verify.map((value, index) => (hashing[index] ?? Number.NaN) / value))),
    residentMiB: memory.looks,
  };
}

async function benchDeep(record: RecordStore) {
  const memory = new MemoryWatch();
  const ms = await timed(() => verified(record, true));
  memory.look();
  return { ms, residentMiB: memory.looks };
}

async function verified(record: RecordStore, deep: boolean): Promise<void> {
  const { valid, events: found, problems, deep: wasDeep = false } = await record.verify({ deep });
  if (!valid || found < events || wasDeep !== deep)
    throw new Error(`not valid: ${found} events, deep ${wasDeep}, ${JSON.stringify(problems)}`);
}

/** p50 and the longest of a page of 100 for each kind of filter, milliseconds. */
async function benchPages(record: RecordStore, { median, say }: RecordBench) {
  const [middle] = (
    await record.listEvents({ tenant: null, requestId: `req_${events / 2}`, limit: 1, order: 'asc' })
  ).items;
  const result: Record<string, { p50Ms: number; maxMs: number }> = {};
  for (const [name, question] of Object.entries(questions)) {
    const times: number[] = [];
    for (let index = 0; index < pages; index += 1) {
      const startedAt = performance.now();
      await record.listEvents({
        tenant: null,
        limit: 100,
        order: 'desc',
        ...question(index, middle?.time ?? ''),
      });
      times.push(performance.now() - startedAt);
    }
    result[name] = { p50Ms: round(median(times)), maxMs: round(Math.max(...times)) };
    say?.(`  ${name}: ${JSON.stringify(result[name])}`);
  }
  return result;
}

/** Everything as NDJSON, taken as fast as it comes. */
async function benchExport(record: RecordStore) {
  const memory = new MemoryWatch();
  let bytes = 0;
  let lines = 0;
  const startedAt = performance.now();
  for await (const line of ndjsonLines(await record.export({ tenant: null }), new Date().toISOString())) {
    bytes += line.length;
    lines += 1;
    if (lines % linesPerLook === 0) memory.look();
  }
  const ms = Math.round(performance.now() - startedAt);
  return { lines, mebibytes: Math.round(bytes / 1024 ** 2), ms, residentMiB: memory.looks };
}

/** Resident memory of this process, first before anything was done. */
class MemoryWatch {
  readonly looks: number[] = [];

  constructor() {
    globalThis.gc?.();
    this.look();
  }

  look(): void {
    this.looks.push(Math.round(process.memoryUsage().rss / 1024 ** 2));
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return Math.round(performance.now() - startedAt);
}

const round = (value: number): number => Number(value.toFixed(2));

if (import.meta.main) {
  const median = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const parts = process.argv.length > 2 ? process.argv.slice(2) : undefined;
  const pairs = Number(process.env['BENCH_PAIRS'] ?? 3);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const result = await benchRecord({ median, pairs, say, ...(parts !== undefined && { parts }) });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}
