/** The one path and the desk over a real record, with a clock to move and an executor that counts what it runs. */
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordStore } from '../../src/audit/record.ts';
import { openSqliteRecord } from '../../src/audit/sqlite/open-sqlite-record.ts';
import { ApprovalDesk } from '../../src/calls/approvals/approval-desk.ts';
import { DetachedCalls } from '../../src/calls/detached-calls.ts';
import { PayloadSeal } from '../../src/calls/approvals/payload-seal.ts';
import { WaitingRoom } from '../../src/calls/approvals/waiting-room.ts';
import type { WaitingRoomLimits } from '../../src/calls/approvals/waiting-room.ts';
import type { CallContext } from '../../src/calls/call-context.ts';
import { executeCall } from '../../src/calls/execute-call.ts';
import { OutcomeWriter } from '../../src/calls/outcome-writer.ts';
import { RunningCalls } from '../../src/calls/running-calls.ts';
import { LiveSessions } from '../../src/calls/sessions/live-sessions.ts';
import { ownSessions } from '../../src/calls/sessions/session-table.ts';
import { Slots } from '../../src/calls/slots.ts';
import { fileMemoryBytes } from '../../src/calls/uploads/named-files.ts';
import { TenantRoom } from '../../src/calls/uploads/tenant-room.ts';
import { Lost, NotStarted } from '../../src/execution/executor.ts';
import type { ExecutionFrame, ExecutionRequest } from '../../src/execution/executor.ts';
import type { Approval } from '../../src/model/approval.ts';
import type { Call } from '../../src/model/call.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Caller, Scope } from '../../src/model/principal.ts';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import type { Revision } from '../../src/policy/revision.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { SetClock } from '../contract/record-fixtures.ts';
import { compileText } from './policy-directory.ts';
import { testBoundary } from './test-boundary.ts';

const logger = { warn: () => {}, error: () => {} };

/** `large`: more than 1000 cents need a lead, for an hour. `rules` and `quotas` are added. */
export function refundPolicy({
  approval = 'approval: {approvers: [{roles: [lead]}], expires: 1h}',
  rules = '',
  quotas = '',
  tool = '',
} = {}): string {
  return `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: refund, title: Refund${tool}}
spec:
  input: {type: object, additionalProperties: false, required: [code, cents], properties: {code: {type: string}, cents: {type: integer}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: payers}
spec:
  subjects: [{roles: [payer]}]
  rules:
    - {name: small, effect: allow, tools: [refund], when: args.cents <= 1000}
    - {name: large, effect: require_approval, tools: [refund], when: args.cents > 1000, message: A lead has to agree., ${approval}}
${rules}
${quotas === '' ? '' : `  quotas: [${quotas}]`}
`;
}

export interface PersonOptions {
  readonly roles?: readonly string[];
  readonly tenant?: string;
  readonly scopes?: readonly Scope[];
  readonly act?: readonly string[];
}

export class WaitingCalls implements AsyncDisposable {
  readonly clock = new SetClock();
  readonly dataDir: string;
  readonly record: RecordStore;
  readonly context: CallContext;
  readonly detached: DetachedCalls;
  readonly desk: ApprovalDesk;
  /** Everything that reached the executor. */
  readonly runs: ExecutionRequest[] = [];
  readonly announced: Approval[] = [];
  isRunnerThere = true;
  /** What a call prints before its runner is lost; null: it is not lost. */
  printsUntilLost: string | null = null;
  readonly sealingKey: Uint8Array;
  readonly #outcomes: OutcomeWriter;
  revision: Revision;

  private constructor(revision: Revision, options: WaitingOptions) {
    this.revision = revision;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'waiting-'));
    this.sealingKey = options.sealingKey ?? randomBytes(32);
    let ids = options.firstId ?? 0;
    const { clock } = this;
    const newId = (prefix: string): string => `${prefix}_${String((ids += 1)).padStart(26, '0')}`;
    this.record = openSqliteRecord({ dataDir: this.dataDir, writer: 'test', clock, newId, randomBytes });
    this.#outcomes = new OutcomeWriter({ record: this.record, logger });
    const key = Buffer.alloc(32, 7);
    this.context = {
      revision: () => this.revision,
      quotas: new QuotaLedger(),
      blocks: { find: () => null },
      ...testBoundary(),
      executor: { run: (request) => this.#run(request), [Symbol.asyncDispose]: async () => {} },
      record: this.record,
      outcomes: this.#outcomes,
      slots: new Slots({ runningMax: 4, waitingMax: 64 }),
      followedSlots: new Slots({ runningMax: 4, waitingMax: 64 }),
      largeIntents: new Slots({ runningMax: 1, waitingMax: 64 }),
      metrics: createMetrics(),
      tracing: null,
      clock,
      newId,
      fingerprint: (body) => createHmac('sha256', key).update(body).digest('hex'),
      hasDiskReserve: () => true,
      running: new RunningCalls(),
      sessions: new LiveSessions({ record: this.record, clock, registry: ownSessions() }),
      fileMemory: new TenantRoom(fileMemoryBytes),
      followedMemory: new TenantRoom(fileMemoryBytes),
      approvals: {
        seal: new PayloadSeal(this.sealingKey, randomBytes),
        waitingRoom: new WaitingRoom(this.record, options.waitingRoom),
        announce: (approval) => this.announced.push(approval),
      },
      logger,
    };
    this.detached = new DetachedCalls({ logger });
    this.desk = new ApprovalDesk(this.context, this.detached);
  }

  static async open(policy = refundPolicy(), options: WaitingOptions = {}): Promise<WaitingCalls> {
    return new WaitingCalls(await compileText(policy), options);
  }

  async reload(policy: string): Promise<void> {
    this.revision = await compileText(policy);
  }

  /** Somebody with a key, as a door would have found them. */
  async person(id: string, options: PersonOptions = {}): Promise<Caller> {
    const { roles = [], tenant = 'acme', scopes = ['call', 'approve'], act } = options;
    const keyId = `key${id}`;
    await this.record.write({
      events: [{ type: 'key_created', tenant }],
      keys: [
        {
          id: keyId,
          secretHash: '',
          principal: id,
          tenant,
          roles,
          attributes: {},
          scopes,
          createdAtMs: this.clock.now(),
          expiresAtMs: null,
          revokedAtMs: null,
        },
      ],
    });
    return {
      principal: { id, tenant, roles, attributes: {} },
      ...(act === undefined ? {} : { act }),
      keyId,
      scopes: new Set(scopes),
      address: '127.0.0.1',
      requestId: `req_${id}`,
      traceId: null,
    };
  }

  /** A call that must wait; its approval. */
  async ask(caller: Caller, args: JsonObject = { code: 'x', cents: 5000 }): Promise<Approval> {
    const answer = await executeCall(this.context, caller, {
      tool: 'refund',
      args,
      limits: {},
      labels: {},
      idempotencyKey: null,
      session: null,
    });
    const id = answer.kind === 'call' ? answer.call.approval?.id : undefined;
    const approval = id === undefined ? null : await this.record.getApproval(id);
    if (approval === null) throw new Error(`it does not wait: ${JSON.stringify(answer)}`);
    return approval;
  }

  async call(approval: Approval): Promise<Call> {
    const stored = await this.record.getCall(approval.callId);
    if (stored === null) throw new Error('no such call');
    return stored.call;
  }

  /** Types of the events about a call, in order. */
  async events(approval: Approval): Promise<readonly string[]> {
    const { callId } = approval;
    const page = await this.record.listEvents({ tenant: null, callId, limit: 100, order: 'asc' });
    return page.items.map(({ type }) => type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.dataDir, { recursive: true });
  }

  /** Ends it as a stop does, and leaves its files. */
  async close(): Promise<void> {
    await this.detached[Symbol.asyncDispose]();
    await this.#outcomes[Symbol.asyncDispose]();
    await this.record[Symbol.asyncDispose]();
  }

  async *#run(request: ExecutionRequest): AsyncGenerator<ExecutionFrame> {
    if (!this.isRunnerThere) throw new NotStarted('runtime_unavailable', 'no runner');
    this.runs.push(request);
    yield { type: 'started', runtime: { kind: 'isolate', confinement: 'none', image: null, warm: true } };
    if (this.printsUntilLost !== null) {
      yield { type: 'stdout', data: Buffer.from(this.printsUntilLost) };
      throw new Lost('the runner is gone');
    }
    yield { type: 'result', data: Buffer.from('"paid"') };
    yield { type: 'exit', reason: 'completed', error: null };
  }
}

export interface WaitingOptions {
  readonly dataDir?: string;
  readonly sealingKey?: Uint8Array;
  readonly firstId?: number;
  readonly waitingRoom?: WaitingRoomLimits;
}
