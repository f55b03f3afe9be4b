/** Every chain in the order of writing, some rows at a time: a slow reader of an export holds no transaction open. */
import { isItsContent, withDay } from './content-of.ts';
import { Bound, filterSql } from './event-query.ts';
import type { ExportFilter, WriterHead } from '../record.ts';
import type { ExportRow, RecordExport } from '../export/record-export.ts';
import type { Reading } from './reading.ts';

/** Rows read at once. Each may hold some megabytes of content. */
const rowsAtOnce = 64;

interface Row {
  readonly position: number;
  readonly writer: string;
  readonly sequence: number;
  readonly event_hash: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly canonical: Buffer | null;
  readonly salt: string | null;
  readonly content: Buffer | null;
  readonly fits: boolean;
}

/** Where every chain stands, and the last position, in one moment. */
export interface Ends {
  readonly heads: readonly WriterHead[];
  readonly last: number;
}

export async function readEnds(reading: Reading): Promise<Ends> {
  const rows = await reading.rows<WriterHead & { readonly last: number }>(
    `SELECT w.writer, w.sequence, w.hash, t.position AS last FROM record_tail t
     LEFT JOIN writers w ON w.sequence > 0 ORDER BY w.writer`,
  );
  return {
    heads: rows.flatMap(({ writer, sequence, hash }) =>
      writer === null ? [] : [{ writer, sequence, hash }],
    ),
    last: rows[0]?.last ?? 0,
  };
}

export async function startExport(reading: Reading, filter: ExportFilter): Promise<RecordExport> {
  const bound = new Bound();
  const where = filterSql(filter, bound);
  const { heads, last } = await readEnds(reading);
  const text = `SELECT e.position, writer, sequence, event_hash, previous_hash, hash,
      CASE WHEN shown THEN canonical END AS canonical, CASE WHEN shown THEN salt END AS salt,
      CASE WHEN shown THEN content END AS content, fits
    FROM (SELECT f.*, (fits OR f.type IN ('checkpoint', 'chain_key_rotated')) AS shown
      FROM (SELECT ${withDay}, coalesce((${where}), false) AS fits FROM audit_chain e
        WHERE e.position > ${bound.mark(0)} AND e.position <= ${bound.mark(last)} ORDER BY e.position LIMIT ${rowsAtOnce}) f) e
    LEFT JOIN audit_content c ON ${isItsContent} ORDER BY e.position`;
  const values = bound.values.slice(0, -2);
  const read = (after: number): Promise<Row[]> =>
    reading.contentRows<Row & Record<string, unknown>>(filter.tenant, text, [...values, after, last]);
  return { heads, rows: walk(read) };
}

async function* walk(read: (after: number) => Promise<readonly Row[]>): AsyncGenerator<ExportRow> {
  for (let after = 0; ;) {
    const rows = await read(after);
    for (const row of rows) yield exportRow(row);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.position;
  }
}

function exportRow(row: Row): ExportRow {
  const { writer, sequence, canonical, salt, content } = row;
  if (canonical === null) return { kind: 'omitted', writer, sequence, eventHash: row.event_hash };
  return {
    kind: 'event',
    canonical: canonical.toString(),
    eventHash: row.event_hash,
    previousHash: row.previous_hash,
    hash: row.hash,
    content: salt === null ? null : { salt, text: content?.toString() ?? '' },
    fitsFilter: row.fits,
  };
}
