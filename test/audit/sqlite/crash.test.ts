import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { RecordUnavailable } from '../../../src/audit/record.ts';
import { openSqliteRecord } from '../../../src/audit/sqlite/open-sqlite-record.ts';
import { Retention } from '../../../src/calls/upkeep/retention.ts';
import { draft, SetClock, sources } from '../../contract/record-fixtures.ts';
import type { RecordStore } from '../../../src/audit/record.ts';

const home = mkdtempSync(join(tmpdir(), 'crash-'));
afterAll(() => rmSync(home, { recursive: true }));

const program = new URL('busy-writer.ts', import.meta.url).pathname;
const eraser = new URL('busy-eraser.ts', import.meta.url).pathname;

/** Starts the busy writer through a shell line, which may set limits first. Whoever started it ends it. */
function startWriter(dataDir: string, before = 'true', code = program) {
  return spawn('/bin/sh', ['-c', `${before}; exec "$0" "$1" "$2"`, process.execPath, code, dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Everything that was acknowledged is there, in a chain that verifies, and the chain goes on. */
async function expectComplete(record: RecordStore, acknowledged: readonly string[]): Promise<void> {
  const report = await record.verify();
  expect(report.problems).toEqual([]);
  const hashes = new Map<number, string>();
  for (let cursor: string | null = null; ;) {
    const page = await record.listEvents({
      tenant: null,
      limit: 1_000,
      order: 'asc',
      ...(cursor !== null && { cursor }),
    });
    for (const { sequence, hash } of page.items) hashes.set(sequence, hash);
    cursor = page.nextCursor;
    if (cursor === null) break;
  }
  const last = new Map<string, string>();
  for (const line of acknowledged) {
    const [sequence, hash, id, status] = line.split(' ') as [string, string, string, string];
    expect(hashes.get(Number(sequence))).toBe(hash);
    last.set(id, status);
  }
  // The outcome may have become durable without anybody hearing of it; never the other way round.
  for (const [id, status] of last)
    expect([status, 'succeeded']).toContain((await record.getCall(id))?.call.status);
  const [next] = (await record.write({ events: [draft('started')] })).events();
  expect(next?.sequence).toBe(hashes.size + 1);
}

test('a kill in the middle of heavy writing loses nothing that was acknowledged', async () => {
  for (const linesBeforeKill of [1, 300, 1_500]) {
    const dataDir = join(home, `kill-${linesBeforeKill}`);
    const child = startWriter(dataDir);
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === linesBeforeKill) child.kill('SIGKILL');
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(linesBeforeKill);
    await using record = openSqliteRecord({ ...sources(undefined, 1_000_000), dataDir });
    await expectComplete(record, acknowledged);
  }
});

test('a second process is kept out by name, until the first is killed', async () => {
  const dataDir = join(home, 'two');
  const child = startWriter(dataDir);
  await once(child.stdout, 'data');
  const open = () => openSqliteRecord({ ...sources(), dataDir });
  expect(open).toThrow(RecordUnavailable);
  expect(open).toThrow(dataDir);
  child.stdout.resume();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await using record = open();
  expect((await record.verify()).valid).toBe(true);
});

test('a second record in the same process is kept out too', async () => {
  const dataDir = join(home, 'same-process');
  await using record = openSqliteRecord({ ...sources(), dataDir });
  expect(() => openSqliteRecord({ ...sources(), dataDir })).toThrow(
    `Another process writes to the data directory`,
  );
  expect((await record.write({ events: [draft('started')] })).events()[0]?.sequence).toBe(1);
});

test('a disk that refuses to write refuses writes, and keeps what was acknowledged', async () => {
  const dataDir = join(home, 'limited');
  // 512-byte blocks: no file may grow beyond 1 MiB.
  const child = startWriter(dataDir, 'ulimit -f 2048');
  const [acknowledged, message, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect(code).toBe(3);
  expect(message).toBe(
    'The record is unavailable: the disk failed to read or write; check its state and its limits.',
  );
  await using record = openSqliteRecord({ ...sources(undefined, 1_000_000), dataDir });
  await expectComplete(record, acknowledged.trim().split('\n'));
});

test('a kill at any step of an erasure loses neither it nor what was not erased, and the next start ends it', async () => {
  for (const linesBeforeKill of [2, 3, 4, 5, 6, 40, 61, 82]) {
    const dataDir = join(home, `erase-${linesBeforeKill}`);
    const child = startWriter(dataDir, 'true', eraser);
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === linesBeforeKill) child.kill('SIGKILL');
    }
    await using record = openSqliteRecord({ ...sources(undefined, 1_000_000), dataDir });
    await using retention = new Retention({
      record,
      clock: new SetClock(),
      logger: { warn() {}, error() {} },
    });
    await retention.purge();
    expect(await record.scrubDue()).toBe('no');
    expect(await record.verify({ deep: true })).toMatchObject({ valid: true, problems: [] });
    for (const line of lines) {
      const [what, number = ''] = line.split(' ');
      const call = await record.getCall(`call_${number}`);
      if (what === 'erased') {
        expect(call?.call.result).toBeNull();
        expect(bytesHold(dataDir, `needle${number}x`)).toBe(false);
      } else if (what === 'written' && Number(number) % 2 === 0)
        expect(call?.call.result).toContain(`needle${number}x`);
    }
  }
});

function bytesHold(dataDir: string, text: string): boolean {
  return readdirSync(dataDir).some((name) => readFileSync(join(dataDir, name)).includes(text));
}
