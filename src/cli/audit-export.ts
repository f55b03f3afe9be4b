/** `sallyport audit export`: the record as a file that verifies without the server. */
import type { Command } from 'commander';
import { addFilterOptions } from './audit/filters.ts';
import type { FilterOptions } from './audit/filters.ts';
import { createClient } from './client.ts';
import { writeBody } from './write-body.ts';

type ExportOptions = FilterOptions & Partial<Record<'format' | 'out', string>>;

export function addAuditExport(audit: Command): void {
  const command = audit
    .command('export')
    .description('events in the order of writing, to stdout or a file; verify it with "audit verify --file"')
    .option('--format <format>', 'ndjson (verifies offline), csv or ocsf (for a SIEM)', 'ndjson')
    .option('--out <file>', 'a new file, for its owner alone');
  addFilterOptions(command).action(async ({ out, ...query }: ExportOptions) => {
    const search = new URLSearchParams(query).toString();
    const body = await createClient(process.env).stream(`/v1/audit/export?${search}`);
    await writeBody(body, out, {
      doing: 'exporting',
      broken: 'The export broke off: what was written is not whole.',
    });
  });
}
