/** The record on SQLite, and its peer: better-sqlite3 that writes the same rows into the same tables, and nothing else. */
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { sources } from './record-events.ts';
import type { BenchedStore, PlainRows } from './record.ts';

const batch = 50;

/** Stores in folders of `home`. */
export function sqliteStore(home: string): BenchedStore {
  const place = (name: string): string => join(home, name);
  return {
    name: 'sqlite',
    open: async (name) => openSqliteRecord({ ...sources(), dataDir: place(name) }),
    drop: async (name) => rmSync(place(name), { recursive: true }),
    mebibytes: async (name) => statSync(join(place(name), 'record.db')).size / 1024 ** 2,
    appendPlainly: async (name, tables) => appendPlainly(place(name), tables),
    readAndHash: async (name) => readAndHash(place(name)),
  };
}

/** Milliseconds that the rows of a store take once more, in a file of their own. */
function appendPlainly(dataDir: string, tables: PlainRows): { readonly rows: number; readonly ms: number } {
  const source = new Database(join(dataDir, 'record.db'), { readonly: true });
  const file = join(dataDir, 'plain.db');
  const plain = new Database(file);
  try {
    plain.pragma('journal_mode = WAL');
    plain.pragma('synchronous = FULL');
    const names =
      tables === 'all' ? ['audit_chain', 'audit_content', 'audit_terms'] : ['audit_chain', 'audit_content'];
    plain.exec(schemaOf(source, names));
    const writers = names.map((name) => rowWriter(source, plain, name));
    if (tables === 'all') {
      plain.exec(`CREATE VIRTUAL TABLE audit_text USING fts5 (words, content = '', detail = none)`);
      writers.push(wordWriter(source, plain));
    }
    const [first] = source.prepare('SELECT count(*) FROM audit_chain').pluck().all() as number[];
    const rows = first ?? 0;
    const startedAt = performance.now();
    for (let start = 0; start < rows; start += batch) {
      plain.exec('BEGIN IMMEDIATE');
      for (let position = start + 1; position <= Math.min(start + batch, rows); position += 1)
        for (const write of writers) write(position);
      plain.exec('COMMIT');
    }
    return { rows, ms: performance.now() - startedAt };
  } finally {
    source.close();
    plain.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  }
}

function schemaOf(source: Database.Database, tables: readonly string[]): string {
  const parts = source
    .prepare(
      `SELECT sql FROM sqlite_schema WHERE tbl_name IN (SELECT value FROM json_each(?)) AND type IN ('table', 'index')
         AND sql IS NOT NULL`,
    )
    .pluck()
    .all(JSON.stringify(tables)) as string[];
  return parts.join(';\n');
}

/** Writes the rows of one position; all of them are read before the clock runs. */
function rowWriter(
  source: Database.Database,
  plain: Database.Database,
  table: string,
): (position: number) => void {
  const rows = source.prepare(`SELECT * FROM ${table}`);
  const columns = rows.columns().map(({ name }) => name);
  const place = columns.indexOf('position');
  const byPosition = Map.groupBy(rows.raw().all() as unknown[][], (row) => Number(row[place]));
  const insert = plain.prepare(`INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})`);
  return (position) => {
    for (const row of byPosition.get(position) ?? []) insert.run(...row);
  };
}

/** The text itself is not in the record: the content in its place, which has the same words. */
function wordWriter(source: Database.Database, plain: Database.Database): (position: number) => void {
  const rows = source.prepare('SELECT position, CAST(content AS TEXT) FROM audit_content').raw().all();
  const texts = new Map(rows as [number, string][]);
  const insert = plain.prepare('INSERT INTO audit_text (rowid, words) VALUES (?, ?)');
  return (position) => {
    const text = texts.get(position);
    if (text !== undefined) insert.run(position, text);
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
