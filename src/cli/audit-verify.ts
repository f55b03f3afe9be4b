/** `sallyport audit verify`: asks the server, or reads the database without it. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isHex } from '../audit/checkpoints/statement.ts';
import type { VerifyReport, VerifyTrust } from '../audit/record.ts';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { counted, printable } from './output.ts';
import { withProgress } from './progress.ts';
import { reasonOf } from './reason-of.ts';
import type { Output } from './output.ts';

interface VerifyOptions {
  readonly offline?: boolean;
  readonly file?: string;
  readonly publicKey?: string;
  readonly anchor?: string;
  readonly deep?: boolean;
}

export function addAuditVerify(audit: Command, output: () => Output): void {
  audit
    .command('verify')
    .description('walk every chain from its first event, and compare it with what was signed')
    .option(
      '--offline',
      'read the database itself (SALLYPORT_DATABASE_URL, else in SALLYPORT_DATA_DIR) instead of asking the server',
    )
    .option('--file <export>', 'verify an NDJSON export; neither server nor database is needed')
    .option(
      '--deep',
      'also what is derived from the chain: search terms and words, holds, and how content went (not with --file)',
    )
    .option('--public-key <hex>', 'the key that must have signed, as you noted it')
    .option('--anchor <file>', 'compare with the checkpoints in this anchor file (with --offline or --file)')
    .action(async (options: VerifyOptions) => {
      const report = await withProgress('verifying', () => verify(options));
      const out = output();
      out.show(report, () => describeReport(report, out));
      if (!report.valid) process.exitCode = 1;
    });
}

function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { offline, file, publicKey, anchor, deep } = options;
  if (publicKey !== undefined && !isHex(publicKey, 64))
    throw new CommandFailed(2, '--public-key takes 64 lower-case hex digits.');
  if (offline === true && file !== undefined)
    throw new CommandFailed(
      2,
      '--offline and --file exclude each other: one reads the database, one an export.',
    );
  if (deep === true && file !== undefined)
    throw new CommandFailed(
      2,
      '--deep and --file exclude each other: an export holds nothing that is derived from the chain. Leave --deep out, or ask the server or --offline.',
    );
  const trust: VerifyTrust = {
    ...(deep === true && { deep }),
    ...(publicKey !== undefined && { publicKeys: [publicKey] }),
    ...(anchor !== undefined && (offline === true || file !== undefined) && { anchors: readAnchors(anchor) }),
  };
  if (file !== undefined) return verifyFile(file, trust);
  if (offline === true) return verifyOffline(trust);
  if (anchor !== undefined)
    throw new CommandFailed(
      2,
      '--anchor needs --offline or --file: the server that is checked cannot be asked about it.',
    );
  const query = new URLSearchParams({
    ...(publicKey !== undefined && { publicKey }),
    ...(deep === true && { deep: 'yes' }),
  });
  return createClient(process.env).request(
    'GET',
    `/v1/audit/verify?${query.toString()}`,
  ) as Promise<VerifyReport>;
}

/** A line that is no JSON goes on as text: the verifier names it. */
function readAnchors(path: string): unknown[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandFailed(2, `Cannot read ${path}: ${reasonOf(error)}.`, { cause: error });
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        return line;
      }
    });
}

async function verifyFile(path: string, trust: VerifyTrust): Promise<VerifyReport> {
  const [{ verifyExport }, { readLines }] = await Promise.all([
    import('../audit/export/verify-export.ts'),
    import('./read-lines.ts'),
  ]);
  try {
    return await verifyExport(() => readLines(path), trust);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new CommandFailed(2, `Cannot read ${path}: ${String(error.code)}.`, { cause: error });
  }
}

async function verifyOffline(trust: VerifyTrust): Promise<VerifyReport> {
  const clock = { now: () => Date.now() };
  const url = await databaseUrl();
  if (url !== null) {
    const { openPostgresRecordReadOnly } = await import('../audit/postgres/open-postgres-record.ts');
    await using record = await openPostgresRecordReadOnly({ url, clock });
    return await record.verify(trust);
  }
  const [{ openSqliteRecordReadOnly }, { databaseFile }] = await Promise.all([
    import('../audit/sqlite/open-sqlite-record.ts'),
    import('../audit/sqlite/data-directory.ts'),
  ]);
  const dataDir = process.env['SALLYPORT_DATA_DIR'] ?? './data';
  if (!existsSync(databaseFile(dataDir)))
    throw new CommandFailed(2, `There is no record in ${dataDir}: set SALLYPORT_DATA_DIR to the server's.`);
  using record = openSqliteRecordReadOnly({ dataDir, clock });
  return await record.verify(trust);
}

/** As the server reads it; nothing else of its configuration is needed. */
async function databaseUrl(): Promise<string | null> {
  const { loadConfig } = await import('../config/config.ts');
  const names = new Set(['SALLYPORT_DATABASE_URL', 'SALLYPORT_DATABASE_URL_FILE']);
  const given = Object.entries(process.env).filter(([name]) => names.has(name));
  return loadConfig(Object.fromEntries(given)).config.databaseUrl;
}

/** What stands behind the proof, in words that promise no more than there is. */
const trustWords = {
  unanchored: 'no checkpoint stands behind this: it does not exclude the operator',
  'self-signed':
    'signed with a key that only the record itself names: give --public-key and --anchor to exclude more than outsiders',
  'known-key':
    'signed with the key that you gave: excludes everybody who does not hold it; a cut-off tail only --anchor shows',
  anchored: 'signed, and as noted in the anchors: excludes everybody who cannot change both',
} as const;

function describeReport(report: VerifyReport, { paint }: Output): string {
  const verdict = report.valid ? paint.good('valid') : paint.bad('NOT VALID');
  const range = report.from === null ? '' : ` from ${report.from} to ${report.to ?? ''}`;
  const omitted = report.omitted === undefined ? '' : `, ${report.omitted} more left out by its filter`;
  return [
    `${verdict}: ${counted(report.events, 'event')}${range}${omitted}`,
    ...report.writers.map(({ writer, events, head }) =>
      paint.dim(`  ${printable(writer)}: ${counted(events, 'event')}, head ${printable(head)}`),
    ),
    ...report.problems.map(
      ({ kind, writer, sequence, detail }) =>
        `  ${paint.bad(kind)} ${printable(writer)} #${sequence}: ${printable(detail)}`,
    ),
    `  ${counted(report.checkpoints, 'checkpoint')}, ${counted(report.afterLastCheckpoint, 'event')} after the last`,
    ...(report.deep === true ? ['  search terms, words, holds and how content went were checked too'] : []),
    ...report.keys.map((key) => paint.dim(`  key ${key}`)),
    ...(report.valid ? [paint.dim(`  ${trustWords[report.trust]}`)] : []),
  ].join('\n');
}
