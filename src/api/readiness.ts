/** What the server depends on and how each of it is. */
import type { RecordHealth } from '../audit/record.ts';
import type { WorkerState } from '../model/fellows.ts';
import type { Block } from '../model/block.ts';
import { describeStaleness } from '../calls/policy/policy-state.ts';
import type { PolicyState } from '../calls/policy/policy-state.ts';
import type { ExecutorHealth } from '../execution/executor.ts';
import type { QuotaStoreState } from '../policy/quotas/quota-store.ts';
import type { RatesState } from './rates/shared-rates.ts';
import { findUnmetConfinement } from '../policy/unmet-confinement.ts';
import type { Revision } from '../policy/revision.ts';
import type { RunnerState } from '../execution/runner/runner-connection.ts';

/** Clocks that NTP keeps are closer. */
const clockSkewMsMax = 5000;

/** How one dependency is now. */
export interface DependencyReading {
  readonly name: string;
  readonly state: 'ok' | 'degraded' | 'down';
  readonly reason: string | null;
  /** Further facts: confinement with what it protects and what is missing, revision. */
  readonly details?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ReadinessReading {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly revision: string;
  readonly dependencies: readonly DependencyReading[];
}

export interface ReadinessOptions {
  readonly record: () => Promise<RecordHealth>;
  readonly runners: () => Promise<readonly RunnerState[]>;
  readonly revision: () => Revision;
  readonly policy: () => PolicyState;
  readonly quotas: () => QuotaStoreState;
  /** Null: rate limits are counted in this process, as configured. */
  readonly rates: () => RatesState | null;
  readonly blocks: () => readonly Block[];
  /** How far this host's clock is behind the record's newest event, or away from Redis', milliseconds. */
  readonly clockBehindMs: () => number;
  readonly hasDiskReserve: () => boolean;
  readonly isDraining: () => boolean;
  /** Tells how this process is; answers with how all are that serve together. Null: there are no others. */
  readonly workers: (own: Status) => Promise<readonly WorkerState[] | null>;
}

type Status = 'ok' | 'degraded' | 'down';

/**
 * Down: the record cannot be written, the disk has no room for outcomes, no runtime is left, or the server drains.
 * Degraded: it serves, but something that protects or runs calls is missing; `reason` says what.
 */
export async function readReadiness(options: ReadinessOptions): Promise<ReadinessReading> {
  const [record, runners] = await Promise.all([options.record(), options.runners()]);
  const revision = options.revision();
  const executors = runners.flatMap(({ health }) => health?.executors ?? []);
  const canRun = executors.some((executor) => executor.state === 'ok');
  const disk = describeDisk(options.hasDiskReserve());
  const isDraining = options.isDraining();
  const quotas = options.quotas();
  const dependencies: DependencyReading[] = [
    { name: 'record', ...record },
    disk,
    ...runners.flatMap((runner) => describeRunner(runner, revision)),
    describePolicy(options.policy()),
    describeQuotas(quotas),
    describeClock(options.clockBehindMs(), quotas.clockOffsetMs ?? 0),
    ...describeRates(options.rates()),
    ...describeBlocks(options.blocks()),
    ...(isDraining ? [{ name: 'server', state: 'down', reason: 'it is shutting down' } as const] : []),
  ];
  const isDown = record.state === 'down' || disk.state === 'down' || !canRun || isDraining;
  const isDegraded = dependencies.some((dependency) => dependency.state !== 'ok');
  const own: Status = isDown ? 'down' : isDegraded ? 'degraded' : 'ok';
  const workers = await options.workers(own);
  if (workers === null) return { status: own, revision: revision.id, dependencies };
  const together = describeWorkers(workers);
  const isWell = own === 'ok' && together.state === 'ok';
  return {
    status: isWell ? 'ok' : together.state === 'down' ? 'down' : 'degraded',
    revision: revision.id,
    dependencies: [...dependencies, together],
  };
}

/** Down: none of them serves. The one that answers may itself be the one that does not. */
function describeWorkers(workers: readonly WorkerState[]): DependencyReading {
  const serving = workers.filter(({ status }) => status === 'ok' || status === 'degraded');
  const others = workers
    .filter(({ status }) => status !== 'ok')
    .map(({ index, status }) => `${index} is ${status}`);
  return {
    name: 'workers',
    state: serving.length === 0 ? 'down' : serving.length < workers.length ? 'degraded' : 'ok',
    reason: serving.length === workers.length ? null : `worker ${others.join(', ')}`,
    details: { count: String(workers.length), serving: String(serving.length) },
  };
}

function describeDisk(hasRoom: boolean): DependencyReading {
  const reason = 'less is free than SALLYPORT_DISK_RESERVE_BYTES: calls are refused until there is more';
  return hasRoom ? { name: 'disk', state: 'ok', reason: null } : { name: 'disk', state: 'down', reason };
}

function describePolicy(policy: PolicyState): DependencyReading {
  const reason = describeStaleness(policy);
  const state = reason === null ? 'ok' : 'degraded';
  return { name: 'policy', state, reason, details: { revision: policy.revision } };
}

function describeQuotas({ store, state, reason }: QuotaStoreState): DependencyReading {
  return { name: 'quotas', state: state === 'ok' ? 'ok' : 'degraded', reason, details: { store } };
}

/** Times on the record, expiries and quotas of several servers are only as right as the clocks. */
function describeClock(behindMs: number, offsetMs: number): DependencyReading {
  const behind = `the record's newest event is ${seconds(behindMs)} ahead of this host's clock, which was set back`;
  const apart = `this host's clock and that of Redis are ${seconds(Math.abs(offsetMs))} apart`;
  const reasons = [
    ...(behindMs > clockSkewMsMax ? [behind] : []),
    ...(Math.abs(offsetMs) > clockSkewMsMax ? [apart] : []),
  ];
  if (reasons.length === 0) return { name: 'clock', state: 'ok', reason: null };
  return { name: 'clock', state: 'degraded', reason: `${reasons.join('; ')}: let NTP set it` };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

function describeRates(rates: RatesState | null): readonly DependencyReading[] {
  if (rates === null) return [];
  const { state, reason } = rates;
  return [{ name: 'rate-limits', state: state === 'ok' ? 'ok' : 'degraded', reason }];
}

/** Whom and what they mean is for `GET /v1/blocks`. */
function describeBlocks(blocks: readonly Block[]): readonly DependencyReading[] {
  if (blocks.length === 0) return [];
  const count = blocks.length === 1 ? '1 block is' : `${blocks.length} blocks are`;
  const reason = `${count} in force: calls that it means are denied; "sallyport block list" shows which`;
  const next = new Date(Math.min(...blocks.map(({ expiresAtMs }) => expiresAtMs))).toISOString();
  return [
    {
      name: 'blocks',
      state: 'degraded',
      reason,
      details: { count: String(blocks.length), nextExpiry: next },
    },
  ];
}

/** The runner, then each of its runtimes. With several runners, in the order of the configuration. */
function describeRunner(
  { state, reason, identity, name, health }: RunnerState,
  revision: Revision,
): readonly DependencyReading[] {
  const kept =
    identity === 'same-user' ? 'same user as the api: process isolation alone keeps the two apart' : null;
  return [
    { name: 'runner', state, reason: reason ?? kept, details: { identity, runner: name } },
    ...(health?.executors ?? []).map((executor) => describeExecutor(executor, revision)),
  ];
}

function describeExecutor(executor: ExecutorHealth, revision: Revision): DependencyReading {
  const { confinement, kind, missing, protections, state } = executor;
  const unmet = kind === 'isolate' && state === 'ok' ? findUnmetConfinement(revision, confinement) : null;
  return {
    name: kind,
    state: unmet === null ? state : 'degraded',
    reason: [unmet, executor.reason].filter((text) => text !== null).join('; ') || null,
    details: {
      confinement,
      ...(protections === undefined ? {} : { protections }),
      ...(missing === undefined ? {} : { missing }),
    },
  };
}
