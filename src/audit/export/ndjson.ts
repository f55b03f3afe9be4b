/** An export that still verifies: a line of canonical JSON for every link of every chain. `FORMAT.md` specifies it. */
import { canonicalJson } from '../canonical-json.ts';
import type { ExportRow, RecordExport } from './record-export.ts';

/** Version of the export's form, in its first line. */
export const exportVersion = 1;

/** Lines, each with its line feed. The last says that nothing was cut off. */
export async function* ndjsonLines({ heads, rows }: RecordExport, time: string): AsyncGenerator<string> {
  yield `${canonicalJson({ export: exportVersion, time })}\n`;
  let events = 0;
  let omitted = 0;
  for await (const row of rows) {
    if (row.kind === 'event') events += 1;
    else omitted += 1;
    yield `${line(row)}\n`;
  }
  yield `${canonicalJson({ end: { events, heads, omitted } })}\n`;
}

/** Members in canonical order; event and content are canonical already. */
function line(row: ExportRow): string {
  if (row.kind === 'omitted') {
    const { eventHash, sequence, writer } = row;
    return canonicalJson({ omitted: { eventHash, sequence, writer } });
  }
  const { canonical, content, eventHash, previousHash, hash } = row;
  const start = content === null ? '{' : `{"content":${content.text},`;
  const end = content === null ? '}' : `,"salt":"${content.salt}"}`;
  return `${start}"event":${canonical},"eventHash":"${eventHash}","hash":"${hash}","previousHash":"${previousHash}"${end}`;
}
