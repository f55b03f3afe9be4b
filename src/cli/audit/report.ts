/** `sallyport audit report`: what an auditor asks for, made of the events. */
import { Argument } from 'commander';
import type { Command } from 'commander';
import type { EventType } from '../../audit/events.ts';
import type { StoredEvent } from '../../audit/record.ts';
import type { JsonObject } from '../../model/json.ts';
import { parseTime } from '../../model/parse-time.ts';
import { createClient } from '../client.ts';
import { CommandFailed } from '../command-failed.ts';
import { oneLine, table } from '../output.ts';
import type { Output } from '../output.ts';
import { readEvents } from './read-events.ts';

/** Events of one report: more belong into an export. */
const eventsMax = 20_000;

const reports = {
  approvals: [
    'approval_requested',
    'approval_decided',
    'approval_expired',
    'approval_voided',
    'call_cancelled',
  ],
  egress: ['egress'],
  changes: [
    'policy_activated',
    'policy_rejected',
    'block_added',
    'block_removed',
    'key_created',
    'key_revoked',
    'hold_set',
    'hold_released',
    'chain_key_rotated',
  ],
  erasures: ['erased', 'erasure_refused', 'purged', 'hold_set', 'hold_released'],
  access: ['audit_read', 'exported', 'artifact_read', 'file_read', 'backup', 'scope_denied', 'login_failed'],
} as const satisfies Readonly<Record<string, readonly EventType[]>>;

type ReportName = keyof typeof reports;

/** What a later event ends, by the member of its details that names the thing. */
const endings: Readonly<
  Partial<Record<EventType, { readonly ends: readonly EventType[]; readonly member: string }>>
> = {
  approval_requested: {
    ends: ['approval_decided', 'approval_expired', 'approval_voided', 'call_cancelled'],
    member: 'approvalId',
  },
  block_added: { ends: ['block_removed'], member: 'block' },
  key_created: { ends: ['key_revoked'], member: 'keyId' },
  hold_set: { ends: ['hold_released'], member: 'hold' },
};

interface ReportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly at?: string;
}

export function addAuditReport(audit: Command, output: () => Output): void {
  audit
    .command('report')
    .description('approvals, egress, changes, erasures or access, newest first')
    .addArgument(new Argument('<report>', 'which').choices(Object.keys(reports)))
    .option('--from <time>', 'RFC 3339, inclusive')
    .option('--to <time>', 'RFC 3339, exclusive')
    .option('--at <time>', 'of approvals, changes and erasures: what stood at that time')
    .action(async (name: ReportName, { from, to, at }: ReportOptions) => {
      if (at !== undefined && (from !== undefined || to !== undefined))
        throw new CommandFailed(2, '--at excludes --from and --to: it is one moment.');
      if (at !== undefined && !reports[name].some((type) => type in endings || type === 'policy_activated'))
        throw new CommandFailed(2, `--at has no meaning for ${name}: nothing of it stands for a time.`);
      if (at !== undefined && parseTime(at) === null)
        throw new CommandFailed(2, '--at must be an RFC 3339 time such as 2026-01-31T12:00:00Z.');
      const until = at ?? to;
      const range = { ...(from !== undefined && { from }), ...(until !== undefined && { to: until }) };
      const { events, isWhole } = await collect(reports[name], range);
      const shown = at === undefined ? events : standing(events, at);
      const out = output();
      out.show({ report: name, items: shown, complete: isWhole }, () => describe(shown, isWhole, out));
    });
}

async function collect(
  types: readonly EventType[],
  range: Readonly<Record<string, string>>,
): Promise<{ events: readonly StoredEvent[]; isWhole: boolean }> {
  const client = createClient(process.env);
  const events: StoredEvent[] = [];
  let isWhole = true;
  for (const type of types) {
    let count = 0;
    for await (const event of readEvents(client, { ...range, type })) {
      count += 1;
      isWhole &&= count <= eventsMax;
      if (count > eventsMax) break;
      // Of an erasure the whole is told; each call has its own event beside it.
      if (type !== 'erased' || event.callId === null) events.push(event);
    }
  }
  return { events: events.toSorted(newestFirst), isWhole };
}

function newestFirst(a: StoredEvent, b: StoredEvent): number {
  return a.time === b.time ? b.sequence - a.sequence : a.time < b.time ? 1 : -1;
}

/** What was begun and not ended by then, and the policy that decided. */
function standing(events: readonly StoredEvent[], at: string): readonly StoredEvent[] {
  const policy = events.find(({ type }) => type === 'policy_activated');
  const stands = ({ type, details, callId }: StoredEvent): boolean => {
    const ending = endings[type];
    if (ending === undefined) return false;
    const { ends, member } = ending;
    const { expiresAt } = details;
    if (typeof expiresAt === 'string' && Date.parse(expiresAt) <= Date.parse(at)) return false;
    return !events.some(
      (later) =>
        ends.includes(later.type) &&
        (member === 'approvalId' ? later.callId === callId : later.details[member] === details[member]),
    );
  };
  return events.filter((event) => event === policy || stands(event));
}

function describe(events: readonly StoredEvent[], isWhole: boolean, { paint }: Output): string {
  if (events.length === 0) return 'Nothing.';
  const rows = events.map((event) => [
    paint.dim(event.time),
    ...[event.type, event.status ?? '', event.principal ?? 'server', event.tool ?? '', facts(event)].map(
      oneLine,
    ),
  ]);
  const more = isWhole ? '' : `\n${paint.bad(`More than ${eventsMax} of one kind: narrow --from and --to.`)}`;
  return table(rows) + more;
}

/** Why comes first, then details, then words of people; long ones are cut, the JSON has them whole. */
function facts({ details, content, callId }: StoredEvent): string {
  const { reason, ...words }: JsonObject = { ...details, ...content };
  const parts = Object.entries({ ...(reason !== undefined && { reason }), ...words }).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const text = [...(callId === null ? [] : [callId]), ...parts].join(' ');
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}
