import type { Command } from 'commander';
import type { ApprovalDetail, ApprovalView } from '../calls/approvals/approval-view.ts';
import type { Call } from '../model/call.ts';
import { createClient } from './client.ts';
import { oneLine, printable, table } from './output.ts';
import type { Output } from './output.ts';

interface ListOptions {
  readonly status: string;
  readonly limit?: string;
  readonly cursor?: string;
}

interface Decided {
  readonly approval: ApprovalView;
  readonly call: Call;
}

export function addApprovalCommands(program: Command, output: () => Output): void {
  const approvals = program
    .command('approvals')
    .description('calls that wait for a person (scope approve)')
    .addHelpText(
      'after',
      '\nNobody approves a call of their own: set SALLYPORT_API_KEY to the key of an approver.',
    );
  approvals
    .command('list')
    .description('those that this key may decide or see, newest first')
    .option('--status <status>', 'pending, approved, rejected, expired, voided, cancelled, or all', 'pending')
    .option('--limit <n>', '1 to 100')
    .option('--cursor <cursor>', 'the page after that one')
    .action(async ({ status, limit, cursor }: ListOptions) => {
      const query = new URLSearchParams({
        ...(status === 'all' ? {} : { status }),
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      const page = (await createClient(process.env).request('GET', `/v1/approvals?${query.toString()}`)) as {
        items: readonly ApprovalView[];
        nextCursor: string | null;
      };
      output().show(page, () => describePage(page, status));
    });
  approvals
    .command('show')
    .description('who wants to run what, why somebody is asked, and with which arguments')
    .argument('<id>', 'apr_…')
    .action(async (id: string) => {
      const shown = (await createClient(process.env).request('GET', pathOf(id))) as ApprovalDetail;
      const out = output();
      out.show(shown, () => describeDetail(shown, out));
    });
  for (const decision of ['approve', 'reject'] as const) {
    approvals
      .command(decision)
      .description(
        decision === 'approve' ? 'let the server run it, once' : 'end it; its caller reads the reason',
      )
      .argument('<id>', 'apr_…')
      .requiredOption('--reason <text>', 'why; it goes on the record')
      .action(async (id: string, { reason }: { readonly reason: string }) => {
        const body = { decision, reason };
        const decided = (await createClient(process.env).request('POST', pathOf(id), body)) as Decided;
        output().show(
          decided,
          () =>
            `${decided.approval.status} ${decided.approval.id} · ${decided.call.id} is ${decided.call.status}`,
        );
      });
  }
}

function pathOf(id: string): string {
  return `/v1/approvals/${encodeURIComponent(id)}`;
}

function describePage(
  { items, nextCursor }: { items: readonly ApprovalView[]; nextCursor: string | null },
  status: string,
): string {
  const more = nextCursor === null ? [] : [`more: --cursor ${nextCursor}`];
  if (items.length === 0) return [`Nothing ${status === 'all' ? 'here' : status}.`, ...more].join('\n');
  const rows = items.map(({ id, status, tool, principal, expiresAt, reasons }) => [
    id,
    status,
    tool,
    oneLine(principal),
    `until ${expiresAt}`,
    oneLine(reasons.join(' ')),
  ]);
  return [table(rows), ...more].join('\n');
}

function describeDetail(shown: ApprovalDetail, { paint }: Output): string {
  const chain = shown.act.length === 0 ? '' : `, acting for ${oneLine(shown.act.join(' → '))}`;
  const rows = [
    ['approval', `${shown.id} ${shown.status}`],
    ['call', `${shown.callId} ${shown.tool}`],
    ['who', `${oneLine(shown.principal)} of tenant ${shown.tenant}${chain}`],
    ['why', `${oneLine(shown.reasons.join(' '))} (${shown.matched.join(', ')})`],
    ['limits', `${shown.limits.timeoutMs} ms, ${shown.limits.memoryMiB} MiB`],
    ['asked', shown.requestedAt],
    ['expires', shown.expiresAt],
    ['digest', shown.digest],
    ...(shown.decidedAt === null
      ? []
      : [
          [
            'decided',
            `${shown.decidedAt} by ${oneLine(shown.decidedBy ?? 'the server')}: ${oneLine(shown.reason ?? '')}`,
          ],
        ]),
  ];
  const args = shown.args === null ? [] : ['', printable(JSON.stringify(shown.args, null, 2))];
  const hidden =
    shown.args === null || shown.isComplete
      ? []
      : [
          paint.bad(
            'The filter hides parts of these arguments. What would run holds more than you see here.',
          ),
        ];
  const hindrance =
    shown.hindrance === null ? [] : [paint.bad(`Approving it would void it: ${oneLine(shown.hindrance)}.`)];
  return [table(rows), ...args, ...hidden, ...hindrance].join('\n');
}
