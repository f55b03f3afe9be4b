/** Files that calls name instead of carrying their content. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Page } from '../audit/record.ts';
import type { UploadedFile } from '../client/files.ts';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { oneLine, printable, table } from './output.ts';
import type { Output } from './output.ts';
import { reasonOf } from './reason-of.ts';
import { writeBody } from './write-body.ts';

export function addFileCommands(program: Command, output: () => Output): void {
  const files = program.command('files').description('files that calls can name');
  files
    .command('put')
    .description(
      'upload a file; for 24 hours your calls can name its id: "files": [{"path": "a.csv", "file": "file_…"}]',
    )
    .argument('<path>', 'the file')
    .action(async (path: string) => {
      const bytes = await read(path);
      const file = (await createClient(process.env).upload('/v1/files', bytes)) as UploadedFile;
      output().show(file, () => describeFile(file));
    });
  files
    .command('list')
    .description('your uploaded files that are still there, newest first')
    .option('--limit <n>', 'files on a page, at most 100')
    .option('--cursor <cursor>', 'the next page, as the page before says')
    .action(async (options: Record<string, string>) => {
      const query = new URLSearchParams(options).toString();
      const page = (await createClient(process.env).request(
        'GET',
        `/v1/files?${query}`,
      )) as Page<UploadedFile>;
      const out = output();
      out.show(page, () => describePage(page, out));
    });
  files
    .command('show')
    .description('what is known of an uploaded file')
    .argument('<id>', 'file_…')
    .action(async (id: string) => {
      const file = (await createClient(process.env).request('GET', pathOf(id))) as UploadedFile;
      output().show(file, () => describeFile(file));
    });
  files
    .command('get')
    .description('the content of an uploaded file, as the boundary lets it out, to stdout or a file')
    .argument('<id>', 'file_…')
    .option('--out <file>', 'a new file, for its owner alone')
    .action(async (id: string, { out }: { readonly out?: string }) => {
      const body = await createClient(process.env).stream(`${pathOf(id)}/content`);
      await writeBody(body, out, {
        doing: 'fetching',
        broken: 'It broke off: what was written is not whole.',
      });
    });
  files
    .command('remove')
    .description('remove an uploaded file before its time: no call can name it any more')
    .argument('<id>', 'file_…')
    .action(async (id: string) => {
      await createClient(process.env).request('DELETE', pathOf(id));
      output().show({ id, removed: true }, () => `${printable(id)} is removed.`);
    });
}

function pathOf(id: string): string {
  return `/v1/files/${encodeURIComponent(id)}`;
}

function describeFile({ expiresAt, id, sha256, sizeBytes }: UploadedFile): string {
  return `${oneLine(id)}\n${sizeBytes} bytes  sha256 ${oneLine(sha256)}  until ${oneLine(expiresAt)}`;
}

function describePage({ items, nextCursor }: Page<UploadedFile>, { paint }: Output): string {
  if (items.length === 0) return 'You have no uploaded files.';
  const rows = table(
    items.map(({ expiresAt, id, sizeBytes }) => [
      oneLine(id),
      `${sizeBytes} bytes`,
      paint.dim(`until ${oneLine(expiresAt)}`),
    ]),
  );
  return nextCursor === null ? rows : `${rows}\n${paint.dim(`more: --cursor ${nextCursor}`)}`;
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (error) {
    throw new CommandFailed(2, `${path} cannot be read: ${reasonOf(error)}.`, { cause: error });
  }
}
