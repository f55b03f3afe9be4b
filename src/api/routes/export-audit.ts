import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { csvLines } from '../../audit/export/csv.ts';
import { ocsfLines } from '../../audit/export/ocsf.ts';
import { ndjsonLines } from '../../audit/export/ndjson.ts';
import type { RecordStore } from '../../audit/record.ts';
import type { RecordExport } from '../../audit/export/record-export.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf } from '../authenticate.ts';
import { filterParameters, readChoice, readEventFilter } from '../event-filter.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

const formats = ['ndjson', 'csv', 'ocsf'] as const;

const mediaTypes = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
  ocsf: 'application/x-ndjson',
} as const;

const parameters = {
  format: {
    description: 'ndjson (default): verifies offline; csv: a table; ocsf: OCSF 1.5.0 for a SIEM',
    enum: formats,
  },
  ...filterParameters,
} as const;

/** Lines between two turns of the event loop: other requests go on while somebody exports. */
const linesPerTurn = 32;

export interface ExportAuditOptions {
  readonly record: Pick<RecordStore, 'export'>;
  readonly now: () => number;
  readonly version: string;
  readonly onExport: (caller: Caller, format: string, filters: readonly string[]) => Promise<void>;
}

/**
 * `GET /v1/audit/export`: what fits the filters, streamed as fast as it is taken. Of what is left out, other tenants
 * included, an NDJSON export holds writer, sequence and hash, so that completeness can be proved.
 */
export function exportAuditRoute(options: ExportAuditOptions): Route {
  return {
    method: 'get',
    path: '/v1/audit/export',
    scope: 'audit',
    operationId: 'exportAudit',
    summary: 'Export the record',
    query: parameters,
    success: {
      status: 200,
      description: 'A stream. An NDJSON export without its `end` line was cut off.',
      mediaType: 'application/x-ndjson',
      otherMediaTypes: ['text/csv'],
    },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['exported'],
    async handler(request, response) {
      const caller = callerOf(response);
      const { format = 'ndjson', ...filters } = readQuery(
        request,
        Object.keys(parameters) as (keyof typeof parameters)[],
      );
      const form = readChoice('format', format, formats);
      const filter = readEventFilter(caller, filters);
      await options.onExport(caller, form, Object.keys(filters));
      const exported = await options.record.export(filter);
      response
        .status(200)
        .set('Content-Type', mediaTypes[form])
        .set('Content-Disposition', `attachment; filename="audit.${form}"`)
        .set('Cache-Control', 'private, no-store');
      const lines = linesOf(form, exported, options);
      try {
        await pipeline(Readable.from(inTurns(lines)), response);
      } catch (error) {
        // A reader who leaves ends the export, and nothing is wrong with us.
        if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'))
          throw error;
      }
    },
  };
}

function linesOf(
  form: (typeof formats)[number],
  exported: RecordExport,
  { now, version }: ExportAuditOptions,
): AsyncIterable<string> {
  if (form === 'csv') return csvLines(exported);
  return form === 'ocsf'
    ? ocsfLines(exported, version)
    : ndjsonLines(exported, new Date(now()).toISOString());
}

async function* inTurns(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let count = 0;
  for await (const line of lines) {
    yield line;
    count += 1;
    if (count % linesPerTurn === 0) await setImmediate();
  }
}
