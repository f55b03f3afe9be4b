/** What outsiders build on. A change here breaks a client, a dashboard or an auditor's query: say so in the CHANGELOG. */
import { expect, test } from 'vitest';
import { problemKinds } from '../../src/api/problem.ts';
import { eventCatalogue } from '../../src/audit/events.ts';
import { callStatuses } from '../../src/model/call.ts';
import { scopes } from '../../src/model/principal.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { latencyBuckets } from '../../src/telemetry/metrics/buckets.ts';

test('problem codes and their statuses', () => {
  expect(
    Object.fromEntries(Object.entries(problemKinds).map(([code, { status }]) => [code, status])),
  ).toEqual({
    malformed_request: 400,
    unauthenticated: 401,
    insufficient_scope: 403,
    policy_denied: 403,
    content_withheld: 403,
    approval_forbidden: 403,
    not_found: 404,
    unknown_tool: 404,
    method_not_allowed: 405,
    conflict: 409,
    erasure_refused: 409,
    approval_settled: 409,
    idempotency_in_flight: 409,
    session_busy: 409,
    session_image_mismatch: 409,
    file_conflict: 409,
    session_ended: 410,
    payload_too_large: 413,
    unsupported_media_type: 415,
    invalid_arguments: 422,
    arguments_blocked: 422,
    limit_exceeds_policy: 422,
    policy_invalid: 422,
    idempotency_erased: 410,
    idempotency_mismatch: 422,
    identity_unavailable: 503,
    rate_limited: 429,
    quota_exceeded: 429,
    quota_unavailable: 503,
    internal: 500,
    runtime_unavailable: 503,
    audit_unavailable: 503,
    overloaded: 503,
    draining: 503,
  });
});

test('statuses of a call', () => {
  expect(callStatuses).toEqual([
    'queued',
    'running',
    'pending_approval',
    'succeeded',
    'failed',
    'timed_out',
    'out_of_memory',
    'output_limit',
    'cancelled',
    'rejected',
    'voided',
    'blocked',
    'crashed',
    'unknown',
  ]);
});

test('scopes of a key', () => {
  expect(scopes).toEqual(['call', 'run', 'approve', 'audit', 'policy', 'admin']);
});

test('event types', () => {
  expect(Object.keys(eventCatalogue)).toEqual([
    'intent',
    'outcome',
    'not_started',
    'denied',
    'invalid',
    'quota_exceeded',
    'queued',
    'approval_requested',
    'approval_decided',
    'approval_expired',
    'approval_voided',
    'call_cancelled',
    'egress',
    'decoy_tripped',
    'tainted',
    'session_opened',
    'session_closed',
    'file_written',
    'file_read',
    'key_created',
    'key_revoked',
    'scope_denied',
    'login_failed',
    'policy_activated',
    'policy_rejected',
    'block_added',
    'block_removed',
    'checkpoint',
    'chain_key_rotated',
    'started',
    'stopped',
    'quota_store_changed',
    'runner_lost',
    'sandbox_orphan_removed',
    'erased',
    'erasure_refused',
    'hold_set',
    'hold_released',
    'purged',
    'backup',
    'exported',
    'audit_read',
    'artifact_read',
  ]);
});

test('metric names', async () => {
  const metrics = createMetrics();
  metrics.setRunningCalls(() => 0);
  metrics.setPolicyStale(() => false);
  metrics.setPendingApprovals(async () => 0);
  metrics.setOpenSessions(async () => 0);
  metrics.setWaitingCalls(() => 0);
  metrics.setOpenLeases(() => 0);
  metrics.setDiskRoom(() => true);
  metrics.setQuotaStoreUp(() => true);
  metrics.setDependencies(() => []);
  metrics.setRunners(async () => ({ containers: [], isolates: [] }));
  const own = (await metrics.registry.getMetricsAsJSON())
    .map(({ name }) => name)
    .filter((name) => name.startsWith('sallyport_'));
  expect(own.toSorted()).toEqual([
    'sallyport_approvals_pending',
    'sallyport_approvals_total',
    'sallyport_boundary_filter_duration_seconds',
    'sallyport_boundary_findings_total',
    'sallyport_call_duration_seconds',
    'sallyport_call_queue_duration_seconds',
    'sallyport_calls_refused_total',
    'sallyport_calls_running',
    'sallyport_calls_total',
    'sallyport_calls_waiting',
    'sallyport_decision_duration_seconds',
    'sallyport_dependency_up',
    'sallyport_disk_room',
    'sallyport_http_request_duration_seconds',
    'sallyport_http_shed_total',
    'sallyport_isolate_calls_waiting',
    'sallyport_isolate_claims_total',
    'sallyport_isolate_start_seconds_total',
    'sallyport_isolate_starts_total',
    'sallyport_isolate_workers',
    'sallyport_policy_changes_total',
    'sallyport_policy_shadow_decisions_total',
    'sallyport_policy_stale',
    'sallyport_quota_lease_duration_seconds',
    'sallyport_quota_leases_open',
    'sallyport_quota_store_lost_total',
    'sallyport_quota_store_up',
    'sallyport_record_write_duration_seconds',
    'sallyport_runner_lost_total',
    'sallyport_sessions_open',
    'sallyport_warm_claims_total',
    'sallyport_warm_containers',
    'sallyport_warm_containers_wanted',
    'sallyport_warm_refill_seconds_total',
    'sallyport_warm_refills_total',
    'sallyport_warm_spoiled_total',
    'sallyport_webhook_deliveries_total',
  ]);
});

test('buckets of latencies: p50 and p99 can be told from 0.5 ms to 60 s', () => {
  expect(latencyBuckets).toEqual([
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20,
    30, 60,
  ]);
});
