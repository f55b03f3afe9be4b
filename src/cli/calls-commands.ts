/** Calls that exist: listed, looked at, cancelled. */
import type { Command } from 'commander';
import type { Page } from '../audit/record.ts';
import { callStatuses } from '../model/call.ts';
import type { Call } from '../model/call.ts';
import { describeCall } from './call-command.ts';
import { createClient } from './client.ts';
import { oneLine, table } from './output.ts';
import type { Output } from './output.ts';

export function addCallsCommands(program: Command, output: () => Output): void {
  const calls = program.command('calls').description('list, show and cancel calls');
  calls
    .command('list')
    .description("your calls, newest first; with the scope audit the tenant's, with admin all")
    .option('--status <status>', callStatuses.join(', '))
    .option('--tool <name>', 'name of the tool')
    .option('--principal <id>', 'whose (others than your own: scope audit)')
    .option('--tenant <name>', 'one tenant (others than your own: scope admin)')
    .option('--session <id>', 'ses_…')
    .option('--label <name=value>', 'a label that they were given')
    .option('--from <time>', 'RFC 3339 time of creation, inclusive')
    .option('--to <time>', 'RFC 3339 time of creation, exclusive')
    .option('--limit <n>', 'calls on a page, at most 100')
    .option('--cursor <cursor>', 'the next page, as the page before says')
    .action(async (options: Record<string, string>) => {
      const query = new URLSearchParams(options).toString();
      const page = (await createClient(process.env).request('GET', `/v1/calls?${query}`)) as Page<Call>;
      const out = output();
      out.show(page, () => describePage(page, out));
    });
  calls
    .command('show')
    .description('a call as it stands now')
    .argument('<id>', 'call_…')
    .action(async (id: string) => {
      const call = (await createClient(process.env).request('GET', pathOf(id))) as Call;
      const out = output();
      out.show(call, () => describeCall(call, out));
    });
  calls
    .command('cancel')
    .description('end a call that runs or waits; its sandbox is killed')
    .argument('<id>', 'call_…')
    .action(async (id: string) => {
      const call = (await createClient(process.env).request('DELETE', pathOf(id))) as Call;
      const out = output();
      out.show(call, () => describeCall(call, out));
    });
}

function pathOf(id: string): string {
  return `/v1/calls/${encodeURIComponent(id)}`;
}

function describePage({ items, nextCursor }: Page<Call>, { paint }: Output): string {
  const more = nextCursor === null ? '' : paint.dim(`more: --cursor ${nextCursor}`);
  if (items.length === 0) return nextCursor === null ? 'Nothing fits.' : `Nothing fits so far.\n${more}`;
  const rows = items.map(({ createdAt, id, labels, status, tool, usage }) => [
    paint.dim(createdAt),
    ...[
      id,
      status,
      tool,
      usage === null ? '-' : `${usage.wallMs} ms`,
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ].map(oneLine),
  ]);
  return more === '' ? table(rows) : `${table(rows)}\n${more}`;
}
