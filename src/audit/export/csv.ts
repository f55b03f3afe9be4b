/** Events as a table (RFC 4180), for a spreadsheet. It proves nothing: the NDJSON export does. */
import { parseCanonicalEvent } from '../stored-event.ts';
import type { RecordExport } from './record-export.ts';
import type { CanonicalEvent } from '../stored-event.ts';

const columns = {
  time: (event) => event.time,
  type: (event) => event.type,
  status: (event) => event.status,
  tenant: (event) => event.tenant,
  principal: (event) => event.principal,
  key: (event) => event.key,
  tool: (event) => event.tool,
  effect: (event) => event.decision?.effect,
  policy: (event) => event.decision?.policy,
  rule: (event) => event.decision?.rule,
  callId: (event) => event.callId,
  requestId: (event) => event.requestId,
  id: (event) => event.id,
  writer: (event) => event.writer,
  sequence: (event) => String(event.sequence),
} as const satisfies Record<string, (event: CanonicalEvent) => string | null | undefined>;

export async function* csvLines({ rows }: RecordExport): AsyncGenerator<string> {
  yield csvLine(Object.keys(columns));
  for await (const row of rows) {
    if (row.kind !== 'event' || !row.fitsFilter) continue;
    const event = parseCanonicalEvent(row.canonical);
    yield csvLine(Object.values(columns).map((read) => read(event) ?? ''));
  }
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/** A cell that a spreadsheet would compute gets an apostrophe (OWASP, CSV Injection). */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
