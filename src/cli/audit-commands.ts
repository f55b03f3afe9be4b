import type { Command } from 'commander';
import type { Page, StoredEvent, VerifyReport } from '../audit/record.ts';
import { createClient } from './client.ts';
import { printable, table } from './output.ts';
import type { Output } from './output.ts';

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
  'order',
  'limit',
  'cursor',
] as const;

export function addAuditCommands(program: Command, output: () => Output): void {
  const audit = program.command('audit').description('read and verify the record');
  const list = audit.command('list').description('events, newest first');
  for (const filter of filters)
    list.option(`--${filter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <value>`);
  list.action(async (options: Partial<Record<(typeof filters)[number], string>>) => {
    const query = new URLSearchParams(options);
    const page = (await createClient(process.env).request(
      'GET',
      `/v1/audit/events?${query.toString()}`,
    )) as Page<StoredEvent>;
    const out = output();
    out.show(page, () => describeEvents(page, out));
  });
  audit
    .command('verify')
    .description('walk the chain from its first event')
    .option('--offline', 'read the database in SALLYPORT_DATA_DIR itself instead of asking the server')
    .action(async (options: { offline?: boolean }) => {
      const report =
        options.offline === true
          ? await verifyOffline()
          : ((await createClient(process.env).request('GET', '/v1/audit/verify')) as VerifyReport);
      const out = output();
      out.show(report, () => describeReport(report, out));
      if (!report.valid) process.exitCode = 1;
    });
}

async function verifyOffline(): Promise<VerifyReport> {
  const { openSqliteRecordReadOnly } = await import('../audit/sqlite/open-sqlite-record.ts');
  using record = openSqliteRecordReadOnly({
    dataDir: process.env['SALLYPORT_DATA_DIR'] ?? './data',
    clock: { now: () => Date.now() },
  });
  return await record.verify();
}

function describeEvents(page: Page<StoredEvent>, { paint }: Output): string {
  const rows = page.items.map((event) => [
    paint.dim(event.time),
    event.type,
    event.status ?? '',
    event.principal ?? '',
    event.tool ?? '',
    event.decision === null
      ? ''
      : `${event.decision.effect} ${event.decision.policy ?? ''}${event.decision.rule === null ? '' : `/${event.decision.rule}`}`,
    event.callId ?? '',
  ]);
  const more = page.nextCursor === null ? '' : `\n${paint.dim(`more: --cursor ${page.nextCursor}`)}`;
  return printableTable(rows) + more;
}

function printableTable(rows: readonly (readonly string[])[]): string {
  return table(rows.map((row) => row.map((cell, index) => (index === 0 ? cell : printable(cell)))));
}

function describeReport(report: VerifyReport, { paint }: Output): string {
  const verdict = report.valid ? paint.good('valid') : paint.bad('NOT VALID');
  const range = report.from === null ? '' : ` from ${report.from} to ${report.to ?? ''}`;
  return [
    `${verdict}: ${report.events} events${range}`,
    ...report.writers.map(({ writer, events, head }) =>
      paint.dim(`  ${writer}: ${events} events, head ${head}`),
    ),
    ...report.problems.map(
      ({ kind, writer, sequence, detail }) => `  ${paint.bad(kind)} ${writer} #${sequence}: ${detail}`,
    ),
    paint.dim('  no checkpoint or anchor stands behind this: it does not exclude the operator'),
  ].join('\n');
}
