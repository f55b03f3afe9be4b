/** `sallyport audit export`: the record as a file that verifies without the server. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Command } from 'commander';
import { addFilterOptions } from './audit/filters.ts';
import type { FilterOptions } from './audit/filters.ts';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { withProgress } from './progress.ts';

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
    try {
      const target =
        out === undefined ? process.stdout : createWriteStream(out, { flags: 'wx', mode: 0o600 });
      // Events on a terminal are progress enough.
      const write = (): Promise<void> => pipeline(Readable.fromWeb(body as ReadableStream), target);
      await (target === process.stdout && process.stdout.isTTY ? write() : withProgress('exporting', write));
    } catch (error) {
      const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      throw new CommandFailed(
        1,
        exists
          ? `${out ?? ''} exists already: name a new file.`
          : 'The export broke off: what was written is not whole.',
        { cause: error },
      );
    }
  });
}
