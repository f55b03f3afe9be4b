import type { Command } from 'commander';
import type { Page, StoredEvent } from '../audit/record.ts';
import { createClient } from './client.ts';
import { addAuditExport } from './audit-export.ts';
import { addAuditVerify } from './audit-verify.ts';
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
  addAuditExport(audit);
  addAuditVerify(audit, output);
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
