import type { Command } from 'commander';
import type { Page, StoredEvent } from '../audit/record.ts';
import { addAuditExport } from './audit-export.ts';
import { addAuditVerify } from './audit-verify.ts';
import { eventCells } from './audit/describe-events.ts';
import { addAuditErase, addAuditHold } from './audit/erase.ts';
import { addFilterOptions } from './audit/filters.ts';
import type { FilterOptions } from './audit/filters.ts';
import { addAuditReport } from './audit/report.ts';
import { addAuditShow } from './audit/show.ts';
import { addAuditTail } from './audit/tail.ts';
import { createClient } from './client.ts';
import { table } from './output.ts';
import type { Output } from './output.ts';

type ListOptions = FilterOptions & Partial<Record<'order' | 'limit' | 'cursor', string>>;

export function addAuditCommands(program: Command, output: () => Output): void {
  const audit = program.command('audit').description('read, verify, export and erase the record');
  const list = audit.command('list').description('events, newest first');
  addFilterOptions(list)
    .option('--order <order>', 'desc (newest first) or asc')
    .option('--limit <n>', 'events on a page')
    .option('--cursor <cursor>', 'the next page, as the page before says')
    .action(async (options: ListOptions) => {
      const query = new URLSearchParams(options);
      const page = (await createClient(process.env).request(
        'GET',
        `/v1/audit/events?${query.toString()}`,
      )) as Page<StoredEvent>;
      const out = output();
      out.show(page, () => describePage(page, out));
    });
  addAuditShow(audit, output);
  addAuditTail(audit, output);
  addAuditReport(audit, output);
  addAuditExport(audit);
  addAuditVerify(audit, output);
  addAuditErase(audit, output);
  addAuditHold(audit, output);
}

function describePage(page: Page<StoredEvent>, out: Output): string {
  if (page.items.length === 0) return 'Nothing fits.';
  const more = page.nextCursor === null ? '' : `\n${out.paint.dim(`more: --cursor ${page.nextCursor}`)}`;
  return table(page.items.map((event) => eventCells(event, out))) + more;
}
