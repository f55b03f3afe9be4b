/**
 * Events for a SIEM, one JSON object a line, in the Open Cybersecurity Schema Framework 1.5.0 (https://schema.ocsf.io/1.5.0):
 * each event as API Activity (6003), what the filter found as Detection Finding (2004) beside it. It proves nothing: the NDJSON
 * export does. `unmapped` holds the place in the chain, so that one can be looked up in the other.
 */
import { parseCanonicalEvent } from '../stored-event.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Finding } from '../../model/finding.ts';
import type { ExportRow, RecordExport } from './record-export.ts';
import type { CanonicalEvent } from '../stored-event.ts';

export const ocsfVersion = '1.5.0';

type EventRow = Extract<ExportRow, { kind: 'event' }>;

const activities = { create: 1, read: 2, update: 3, delete: 4 } as const;

const activityOf: Readonly<Record<string, keyof typeof activities>> = {
  key_created: 'create',
  session_opened: 'create',
  block_added: 'create',
  hold_set: 'create',
  backup: 'create',
  audit_read: 'read',
  exported: 'read',
  artifact_read: 'read',
  file_read: 'read',
  policy_activated: 'update',
  policy_rejected: 'update',
  file_written: 'update',
  approval_decided: 'update',
  chain_key_rotated: 'update',
  key_revoked: 'delete',
  session_closed: 'delete',
  block_removed: 'delete',
  hold_released: 'delete',
  erased: 'delete',
  purged: 'delete',
};

const severities = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;

const refusals = new Set([
  'denied',
  'invalid',
  'quota_exceeded',
  'scope_denied',
  'login_failed',
  'erasure_refused',
  'approval_voided',
  'approval_expired',
  'policy_rejected',
]);

export async function* ocsfLines({ rows }: RecordExport, version: string): AsyncGenerator<string> {
  for await (const row of rows) {
    if (row.kind !== 'event' || !row.fitsFilter) continue;
    const event = parseCanonicalEvent(row.canonical);
    yield `${JSON.stringify(apiActivity(row, event, version))}\n`;
    const findings = event.boundary?.findings ?? [];
    if (findings.length > 0 || event.type === 'decoy_tripped')
      yield `${JSON.stringify(detectionFinding(row, event, findings, version))}\n`;
  }
}

function apiActivity(row: EventRow, event: CanonicalEvent, version: string): object {
  const activity = activityOf[event.type];
  const activityId = activity === undefined ? 99 : activities[activity];
  const { principal, tool, status, decision } = event;
  return {
    ...classOf(6, 6003, activityId, activity ?? event.type),
    ...common(row, event, version, severityOf(event)),
    actor: actorOf(event),
    api: {
      operation: tool ?? event.type,
      service: { name: 'sallyport' },
      ...(event.requestId !== undefined && { request: { uid: event.requestId } }),
    },
    src_endpoint: sourceOf(row, event),
    ...(principal !== undefined && tool !== undefined && { resources: [{ name: tool, type: 'tool' }] }),
    ...outcomeOf(event, status),
    ...(decision !== undefined && {
      status_detail: `${decision.effect} by ${decision.policy ?? 'default'}${decision.rule === null ? '' : `/${decision.rule}`}`,
    }),
  };
}

function detectionFinding(
  row: EventRow,
  event: CanonicalEvent,
  findings: readonly Finding[],
  version: string,
): object {
  const isDecoy = event.type === 'decoy_tripped';
  const names = [...new Set(findings.map(({ detector }) => detector))];
  const isBlocked = event.boundary?.verdict === 'blocked';
  return {
    ...classOf(2, 2004, activities.create, 'create'),
    ...common(row, event, version, isDecoy ? 'critical' : isBlocked ? 'high' : 'medium'),
    finding_info: {
      uid: event.id,
      title: isDecoy ? 'A decoy credential was seen' : `The boundary found ${names.join(', ')}`,
      types: names,
      analytic: { name: 'sallyport boundary', type_id: 1 },
    },
    is_alert: isDecoy || isBlocked,
    evidences: findings.map((finding) => ({ data: { ...finding } })),
    status_id: 1,
    ...(event.tool !== undefined && { resources: [{ name: event.tool, type: 'tool' }] }),
  };
}

function classOf(category: number, uid: number, activity: number, name: string): object {
  return {
    category_uid: category,
    class_uid: uid,
    activity_id: activity,
    activity_name: name,
    type_uid: uid * 100 + activity,
  };
}

function common(
  row: EventRow,
  event: CanonicalEvent,
  version: string,
  severity: keyof typeof severities,
): object {
  const correlation = event.callId ?? event.requestId;
  return {
    time: Date.parse(event.time),
    severity_id: severities[severity],
    metadata: {
      version: ocsfVersion,
      product: { name: 'Sallyport', vendor_name: 'Sallyport', version },
      uid: event.id,
      event_code: event.type,
      sequence: event.sequence,
      ...(event.tenant !== undefined && { tenant_uid: event.tenant }),
      ...(correlation !== undefined && { correlation_uid: correlation }),
    },
    unmapped: {
      writer: event.writer,
      sequence: event.sequence,
      eventHash: row.eventHash,
      hash: row.hash,
      ...(event.decision !== undefined && { decision: event.decision }),
      ...(event.details !== undefined && { details: event.details }),
    },
  };
}

/** A principal as a user; what nobody asked for was done by the server itself. */
function actorOf({ principal, tenant, key }: CanonicalEvent): object {
  if (principal === undefined) return { app_name: 'sallyport' };
  return {
    user: { uid: principal, name: principal, ...(tenant !== undefined && { domain: tenant }) },
    ...(key !== undefined && { session: { uid: key, credential_uid: key } }),
    app_name: 'sallyport',
  };
}

/** Where the request came from, as far as that was not erased; else the process that wrote the event. */
function sourceOf({ content }: EventRow, { writer }: CanonicalEvent): object {
  const address = content === null ? undefined : (JSON.parse(content.text) as JsonObject)['address'];
  return typeof address === 'string' ? { ip: address, name: writer } : { name: writer };
}

function severityOf({ type }: CanonicalEvent): keyof typeof severities {
  if (type === 'decoy_tripped') return 'critical';
  if (type === 'runner_lost' || type === 'sandbox_orphan_removed') return 'medium';
  return refusals.has(type) ? 'low' : 'informational';
}

/** Success or failure of what was asked for; how a tool's own code ended is in `status_code`. */
function outcomeOf({ type }: CanonicalEvent, status: string | undefined): object {
  const isFailure = refusals.has(type) || (type === 'outcome' && status !== 'succeeded');
  return { status_id: isFailure ? 2 : 1, ...(status !== undefined && { status_code: status }) };
}
