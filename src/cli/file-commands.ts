/** Files that calls name instead of carrying their content. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { UploadedFile } from '../client/files.ts';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import type { Output } from './output.ts';

export function addFileCommands(program: Command, output: () => Output): void {
  program
    .command('files')
    .description('files that calls can name')
    .command('put')
    .description(
      'upload a file; for 24 hours your calls can name its id: "files": [{"path": "a.csv", "file": "file_…"}]',
    )
    .argument('<path>', 'the file')
    .action(async (path: string) => {
      const bytes = await read(path);
      const file = (await createClient(process.env).upload('/v1/files', bytes)) as UploadedFile;
      output().show(
        file,
        () => `${file.id}\n${file.sizeBytes} bytes  sha256 ${file.sha256}  until ${file.expiresAt}`,
      );
    });
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return Uint8Array.from(await readFile(path));
  } catch (error) {
    throw new CommandFailed(2, `${path} cannot be read.`, { cause: error });
  }
}
