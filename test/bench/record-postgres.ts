/** The record on a PostgreSQL of the bench's own, and its peer: `pg` that writes the same rows into the same tables. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { openPostgresRecord } from '../../src/audit/postgres/open-postgres-record.ts';
import { sources } from './record-events.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import type { BenchedStore, PlainRows } from './record.ts';

const batch = 50;
/** Rows of one read of the peer. */
const rowsAtOnce = 1_000;

/** Stores in databases of a server. */
export function postgresStore(server: PostgresServer): BenchedStore {
  return {
    name: 'postgres',
    open: async (name) => {
      const found = await server.asSuper(`SELECT 1 FROM pg_database WHERE datname = '${name}'`);
      if (found.length === 0)
        await server.asSuper(`CREATE DATABASE "${name}" OWNER sallyport TEMPLATE template0`);
      return openPostgresRecord({ ...sources(), url: server.url(name) });
    },
    drop: async (name) => void (await server.asSuper(`DROP DATABASE "${name}"`)),
    mebibytes: async (name) => {
      const [row] = await server.asSuper(`SELECT pg_database_size('${name}') / 1048576 AS size`);
      return Number(row?.['size']);
    },
    appendPlainly: async (name, tables) =>
      withClient(server.url(name, 'super'), (client) => appendPlainly(client, tables)),
    readAndHash: async (name) => withClient(server.url(name, 'super'), readAndHash),
  };
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

interface PlainTable {
  readonly insert: string;
  readonly rowsOf: (from: number, to: number) => readonly (readonly unknown[])[];
}

/** Milliseconds that the rows of a store take once more, each batch as one statement a table. */
async function appendPlainly(client: pg.Client, tables: PlainRows): Promise<{ rows: number; ms: number }> {
  await client.query('CREATE SCHEMA plain');
  const names = ['audit_chain', 'audit_content', ...(tables === 'all' ? ['audit_terms', 'audit_words'] : [])];
  const targets: PlainTable[] = [];
  for (const name of names) targets.push(await plainTable(client, name));
  const { rows: counted } = await client.query<{ count: string }>(
    'SELECT count(*) AS count FROM audit_chain',
  );
  const rows = Number(counted[0]?.count);
  const startedAt = performance.now();
  for (let start = 0; start < rows; start += batch) {
    await client.query('BEGIN');
    for (const { insert, rowsOf } of targets) {
      const values = rowsOf(start + 1, start + batch);
      await client.query(
        insert,
        (values[0] ?? []).map((_value, index) => values.map((row) => row[index])),
      );
    }
    await client.query('COMMIT');
  }
  const ms = performance.now() - startedAt;
  await client.query('DROP SCHEMA plain CASCADE');
  return { rows, ms };
}

/** The table once more with its indexes, and its rows, read before the clock runs. */
async function plainTable(client: pg.Client, name: string): Promise<PlainTable> {
  await client.query(`CREATE TABLE plain.${name} (LIKE public.${name} INCLUDING ALL)`);
  const { rows: columns } = await client.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum`,
    [`public.${name}`],
  );
  const { rows } = await client.query<unknown[]>({ text: `SELECT * FROM public.${name}`, rowMode: 'array' });
  const place = columns.findIndex((column) => column.name === 'position');
  const byPosition = Map.groupBy(rows, (row) => Number(row[place]));
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return {
    insert: `INSERT INTO plain.${name} SELECT * FROM unnest(${arrays})`,
    rowsOf: (from, to) =>
      Array.from({ length: to - from + 1 }, (_one, index) => byPosition.get(from + index) ?? []).flat(),
  };
}

/** Each stored row read and hashed once, and nothing else. */
async function readAndHash(client: pg.Client): Promise<void> {
  await client.query('BEGIN');
  await client.query(
    `DECLARE each NO SCROLL CURSOR FOR SELECT e.canonical, c.content FROM audit_chain e
     LEFT JOIN audit_content c ON c.day = left(e.time, 10) AND c.position = e.position`,
  );
  for (;;) {
    const { rows } = await client.query<[Buffer, Buffer | null]>({
      text: `FETCH ${rowsAtOnce} FROM each`,
      rowMode: 'array',
    });
    if (rows.length === 0) break;
    for (const [canonical, content] of rows) {
      createHash('sha256').update(canonical).digest('hex');
      if (content !== null) createHash('sha256').update(content).digest('hex');
    }
  }
  await client.query('COMMIT');
}
