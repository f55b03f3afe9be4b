/** `sallyport audit export`: the record as a file that verifies without the server. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Command } from 'commander';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';

const filters = [
  'type',
  'principal',
  'tool',
  'status',
  'effect',
  'rule',
  'callId',
  'requestId',
  'from',
  'to',
] as const;

type ExportOptions = Partial<Record<(typeof filters)[number] | 'format' | 'out', string>>;

export function addAuditExport(audit: Command): void {
  const command = audit
    .command('export')
    .description('events in the order of writing, to stdout or a file; verify it with "audit verify --file"')
    .option('--format <format>', 'ndjson (verifies offline) or csv', 'ndjson')
    .option('--out <file>', 'a new file, for its owner alone');
  for (const filter of filters)
    command.option(`--${filter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <value>`);
  command.action(async ({ out, ...query }: ExportOptions) => {
    const search = new URLSearchParams(query).toString();
    const body = await createClient(process.env).stream(`/v1/audit/export?${search}`);
    try {
      const target =
        out === undefined ? process.stdout : createWriteStream(out, { flags: 'wx', mode: 0o600 });
      await pipeline(Readable.fromWeb(body as ReadableStream), target);
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
