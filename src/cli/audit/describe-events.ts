/** Events as lines and tables for a terminal. */
import type { StoredEvent } from '../../audit/record.ts';
import { oneLine, printable, table } from '../output.ts';
import type { Output } from '../output.ts';

export function eventCells(event: StoredEvent, { paint }: Output): string[] {
  return [
    paint.dim(event.time),
    ...[
      event.type,
      event.status ?? '',
      event.principal ?? '',
      event.tool ?? '',
      describeDecision(event),
      event.callId ?? event.id,
    ].map(oneLine),
  ];
}

export function describeEvent(event: StoredEvent, out: Output): string {
  const { paint } = out;
  const rows = [
    ['event', `${event.id} ${event.type}`],
    ['time', event.time],
    ['place', `${event.writer} #${event.sequence}`],
    ['who', describeWho(event)],
    ['tool', event.tool],
    ['call', event.callId],
    ['decision', describeDecision(event)],
    ['status', event.status],
    ['request', event.requestId],
    ['trace', event.traceId],
    ['hash', event.hash],
  ].flatMap(([name = '', value]) =>
    value === null || value === undefined || value === '' ? [] : [[paint.dim(name ?? ''), oneLine(value)]],
  );
  const findings = (event.boundary?.findings ?? []).map(
    ({ detector, action, where, count }) =>
      `  ${paint.bad(action)} ${oneLine(detector)} at ${oneLine(where)} (${count})`,
  );
  const commitments = Object.keys(event.commitments);
  return [
    table(rows),
    ...(findings.length === 0 ? [] : ['findings', ...findings]),
    ...block('details', event.details),
    ...(event.content === null
      ? commitments.length === 0
        ? []
        : [paint.dim(`content erased or past its time; it had ${oneLine(commitments.join(', '))}`)]
      : block('content', event.content)),
  ].join('\n');
}

function block(name: string, value: object): string[] {
  if (Object.keys(value).length === 0) return [];
  return [`${name} ${printable(JSON.stringify(value, null, 2))}`];
}

function describeWho({ principal, tenant, key, act }: StoredEvent): string {
  if (principal === null) return 'the server itself';
  const chain = act.length === 0 ? '' : `, acting for ${act.join(' → ')}`;
  return `${principal} of tenant ${tenant ?? '–'}${key === null ? '' : `, key ${key}`}${chain}`;
}

function describeDecision({ decision }: StoredEvent): string {
  if (decision === null) return '';
  const rule = decision.rule === null ? '' : `/${decision.rule}`;
  return `${decision.effect} ${decision.policy ?? ''}${rule}`.trim();
}
