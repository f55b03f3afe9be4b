import { createHash, randomBytes } from 'node:crypto';
import type { Approval } from '../../src/model/approval.ts';
import type { Call, CallStatus } from '../../src/model/call.ts';
import type { EventDraft, RecordWrite, StoredCall } from '../../src/audit/record.ts';

/** 2026-01-02T03:04:05.000Z */
export const startMs = 1_767_323_045_000;

export class SetClock {
  #nowMs: number;

  constructor(nowMs = startMs) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
  }
}

/** What every store is given; ids count up. */
export function sources(clock: { now(): number } = new SetClock(), start = 0) {
  let last = start;
  return {
    writer: 'node-a/api-1',
    clock,
    randomBytes: (size: number) => randomBytes(size),
    newId: (prefix: string) => `${prefix}_${String((last += 1)).padStart(26, '0')}`,
  };
}

const decision = {
  effect: 'allow',
  policy: 'base',
  rule: 'python',
  matched: ['base/python'],
  revision: 'sha256:00',
} as const;

const limits = {
  timeoutMs: 1_000,
  memoryMiB: 64,
  cpus: 1,
  pids: 8,
  outputBytes: 1_024,
  logBytes: 1_024,
  artifactBytes: 0,
  hostCalls: 10,
};

export function storedCall(
  id: string,
  status: CallStatus = 'running',
  change: Partial<Call> = {},
): StoredCall {
  const call: Call = {
    id,
    tool: 'python_run',
    status,
    result: null,
    error: null,
    output: { stdout: '', stderr: '', truncated: [] },
    artifacts: [],
    boundary: null,
    decision,
    approval: null,
    limits,
    runtime: null,
    usage: null,
    labels: {},
    createdAt: '2026-01-02T03:04:05.000Z',
    startedAt: null,
    finishedAt: null,
    ...change,
  };
  return { call, tenant: 'default', principal: 'alice' };
}

/** A call that has left an artifact. */
export function callWithArtifact(number: number): RecordWrite {
  const data = Buffer.from(`what call ${number} left`);
  const sha256 = createHash('sha256').update(data).digest('hex');
  const [id, callId] = [`art_${number}`, `call_${number}`];
  const expiresAtMs = startMs + 86_400_000;
  const kind = { name: 'a.txt', mediaType: 'text/plain', sha256 };
  const expiresAt = new Date(expiresAtMs).toISOString();
  const shown = { id, ...kind, sizeBytes: data.length, url: `/v1/artifacts/${id}`, expiresAt };
  return {
    events: [draft('intent', { callId })],
    calls: [storedCall(callId, 'succeeded', { artifacts: [shown] })],
    artifacts: [{ id, callId, tenant: 'default', principal: 'alice', ...kind, data, expiresAtMs }],
  };
}

/** One that waits for an hour, of the call of the same number. */
export function storedApproval(number: number, change: Partial<Approval> = {}): Approval {
  return {
    id: `apr_${number}`,
    callId: `call_${number}`,
    tool: 'python_run',
    toolDigest: 'sha256:00',
    principal: 'alice',
    tenant: 'default',
    key: 'boot',
    act: [],
    reasons: ['Ask a lead.'],
    approvers: [{ id: 'base/ask', approvers: [{ roles: ['lead'] }] }],
    matched: ['base/ask'],
    revision: 'sha256:00',
    limits,
    digest: 'hmac-sha256:00',
    requestedAtMs: startMs,
    expiresAtMs: startMs + 3_600_000,
    status: 'pending',
    settled: null,
    ...change,
  };
}

/** A call that begins to wait. */
export function request(number: number, change: Partial<Approval> = {}): RecordWrite {
  const approval = storedApproval(number, change);
  return {
    events: [draft('approval_requested', { callId: approval.callId })],
    calls: [storedCall(approval.callId, 'pending_approval')],
    requestedApproval: { approval, payload: new Uint8Array([number, 0, 255]) },
  };
}

/** It stops waiting. */
export function settle(number: number, status: Approval['status'], type: EventDraft['type']): RecordWrite {
  const callId = `call_${number}`;
  return {
    events: [draft(type, { callId })],
    calls: [storedCall(callId, status === 'approved' ? 'running' : 'rejected')],
    settledApproval: storedApproval(number, { status, settled: { atMs: startMs, by: 'bob', reason: null } }),
  };
}

export function draft(type: EventDraft['type'], change: Partial<EventDraft> = {}): EventDraft {
  return { type, tenant: 'default', principal: 'alice', tool: 'python_run', decision, ...change };
}

export function intent(callId: string, change: Partial<RecordWrite> = {}): RecordWrite {
  const event = draft('intent', { callId, content: { args: { code: 'print(1)' } } });
  return { events: [event], calls: [storedCall(callId)], ...change };
}

export function outcome(callId: string, status: CallStatus = 'succeeded'): RecordWrite {
  return {
    events: [draft('outcome', { callId, status, content: { result: { ok: true } } })],
    calls: [storedCall(callId, status)],
  };
}
