/** `sallyport backup`: copies the record while the server runs, and its keys to another place. */
import { constants, copyFileSync, existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { VerifyReport } from '../audit/record.ts';
import { makeDirectory } from '../model/make-directory.ts';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { counted, printable } from './output.ts';
import { withProgress } from './progress.ts';
import type { Output } from './output.ts';

/** Without these a restored record can be read and verified; with them the server goes on where it was. */
const keyFiles = ['signing.key', 'sealing.key', 'data.key', 'webhook.key'];

interface BackupOptions {
  readonly out: string;
  readonly keys?: string;
  readonly offline?: boolean;
}

interface Done {
  readonly file: string;
  readonly keys: readonly string[];
  readonly events: number;
  readonly valid: boolean;
}

export function addBackupCommand(program: Command, output: () => Output): void {
  program
    .command('backup')
    .description('copy the record in SALLYPORT_DATA_DIR while the server runs, and verify the copy')
    .requiredOption('--out <file>', 'a new file, for its owner alone')
    .option('--keys <directory>', "copies the server's keys there: keep them apart from the record")
    .option('--offline', 'the server does not run: the back-up is not noted on the record')
    .addHelpText(
      'after',
      '\nTo restore: stop the server; put the file as record.db into an empty data directory (mode 0700, file mode\n0600) together with the keys; start the server; "sallyport audit verify". Events after the back-up are lost, and\nan anchor shows that.\n\nA record in PostgreSQL is copied with its own tools, while the server runs, and restored into an empty database:\n  pg_dump --no-owner URL > FILE            as a superuser or a role with BYPASSRLS: no other sees the content\n  psql --set=ON_ERROR_STOP=1 NEW_URL < FILE      as the role of the server\nNever --enable-row-security, which leaves all content out. Then start the server with NEW_URL and the same keys;\n"sallyport audit verify --deep" names content that is missing. The back-up is noted on the record by\nPOST /v1/audit/backups {"name": "…"}, so that erasures name it.',
    )
    .action(async (options: BackupOptions) => {
      const done = await withProgress('copying and verifying', () => backUp(options));
      output().show(done, () =>
        [
          `${printable(done.file)}: ${counted(done.events, 'event')}, ${done.valid ? 'valid' : 'NOT VALID: see "sallyport audit verify --offline"'}`,
          ...done.keys.map((key) => `${printable(key)}: keep it apart from the record`),
        ].join('\n'),
      );
      if (!done.valid) process.exitCode = 1;
    });
}

async function backUp({ out, keys, offline }: BackupOptions): Promise<Done> {
  const file = resolve(out);
  const dataDir = process.env['SALLYPORT_DATA_DIR'] ?? './data';
  if ((process.env['SALLYPORT_DATABASE_URL'] ?? '') !== '')
    throw new CommandFailed(
      2,
      'The record is in PostgreSQL: "sallyport backup --help" says how pg_dump copies all of it; copy the keys as well.',
    );
  if (existsSync(file)) throw new CommandFailed(2, `${out} exists already: name a new file.`);
  const { databaseFile } = await import('../audit/sqlite/data-directory.ts');
  if (!existsSync(databaseFile(dataDir)))
    throw new CommandFailed(2, `There is no record in ${dataDir}: set SALLYPORT_DATA_DIR to the server's.`);
  // Before the copy is made, so that it is in it.
  if (offline !== true) await createClient(process.env).request('POST', '/v1/audit/backups', { name: file });
  const { copyRecord } = await import('../audit/sqlite/copy-record.ts');
  try {
    copyRecord(dataDir, file);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
  const { valid, events } = await verifyCopy(file);
  return { file, keys: keys === undefined ? [] : copyKeys(dataDir, keys), events, valid };
}

async function verifyCopy(file: string): Promise<VerifyReport> {
  const { SqliteRecordReader } = await import('../audit/sqlite/record-reader.ts');
  using reader = new SqliteRecordReader(file, { now: () => Date.now() });
  return await reader.verify();
}

function copyKeys(dataDir: string, directory: string): string[] {
  makeDirectory(directory, 0o700);
  return keyFiles.flatMap((name) => {
    const source = join(dataDir, name);
    if (!existsSync(source)) return [];
    const target = resolve(directory, name);
    try {
      copyFileSync(source, target, constants.COPYFILE_EXCL);
    } catch (error) {
      throw new CommandFailed(1, `${target} cannot be written: keys are never written over.`, {
        cause: error,
      });
    }
    return [target];
  });
}
