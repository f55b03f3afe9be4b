/** Every chain in the order of writing, a few rows at a time: a slow reader of an export holds no transaction open. */
import { exportSql } from './event-query.ts';
import type { ExportFilter, WriterHead } from '../record.ts';
import type { ExportRow, RecordExport } from '../export/record-export.ts';
import type { Connection } from './connection.ts';

/** Rows read at once. Each may hold some megabytes of content. */
const rowsAtOnce = 32;

type Row = readonly [
  position: number,
  writer: string,
  sequence: number,
  eventHash: string,
  previousHash: string,
  hash: string,
  canonical: Buffer | null,
  salt: string | null,
  content: Buffer | null,
  fits: 0 | 1,
];

/** `guard` turns errors of the database into those of the record. */
export function startExport(
  connection: Connection,
  filter: ExportFilter,
  guard: (read: () => readonly Row[]) => readonly Row[],
): RecordExport {
  const { where, values } = exportSql(filter);
  // In the list of columns the filter chooses no index: the walk goes by position.
  const rows = connection
    .prepare(
      `SELECT s.position, writer, sequence, event_hash, previous_hash, hash,
         CASE WHEN shown THEN canonical END, CASE WHEN shown THEN salt END, CASE WHEN shown THEN content END, fits
       FROM (SELECT f.*, fits OR f.type IN ('checkpoint', 'chain_key_rotated') AS shown
         FROM (SELECT e.*, coalesce((${where}), 0) AS fits FROM audit_chain e
           WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT ${rowsAtOnce}) f) s
       LEFT JOIN audit_content_kept c ON c.position = s.position ORDER BY s.position`,
    )
    .raw();
  const { heads, last } = connection.transaction(() => ({
    heads: connection
      .prepare('SELECT writer, sequence, hash FROM writers ORDER BY writer')
      .all() as WriterHead[],
    last: Number(connection.prepare('SELECT max(position) FROM audit_chain').pluck().get() ?? 0),
  }))();
  const read = (after: number) => guard(() => rows.all(...values, after, last) as readonly Row[]);
  return { heads, rows: walk(read) };
}

async function* walk(read: (after: number) => readonly Row[]): AsyncGenerator<ExportRow> {
  for (let after = 0; ;) {
    const rows = read(after);
    for (const row of rows) yield exportRow(row);
    const [position] = rows.at(-1) ?? [];
    if (position === undefined) return;
    after = position;
  }
}

function exportRow(row: Row): ExportRow {
  const [, writer, sequence, eventHash, previousHash, hash, canonical, salt, content, fits] = row;
  if (canonical === null) return { kind: 'omitted', writer, sequence, eventHash };
  return {
    kind: 'event',
    canonical: canonical.toString(),
    eventHash,
    previousHash,
    hash,
    content: salt === null ? null : { salt, text: content?.toString() ?? '' },
    fitsFilter: fits === 1,
  };
}
