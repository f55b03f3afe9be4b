/** What the server depends on and how each of it is. */
import type { RecordHealth } from '../audit/record.ts';
import type { ExecutorHealth } from '../execution/executor.ts';
import { findUnmetConfinement } from '../policy/unmet-confinement.ts';
import type { Revision } from '../policy/revision.ts';
import type { RunnerState } from '../execution/runner/runner-process.ts';

export interface DependencyState {
  readonly name: string;
  readonly state: 'ok' | 'degraded' | 'down';
  readonly reason: string | null;
  /** Further facts: confinement with what it protects and what is missing, revision. */
  readonly details?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Readiness {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly revision: string;
  readonly dependencies: readonly DependencyState[];
}

export interface ReadinessOptions {
  readonly record: () => Promise<RecordHealth>;
  readonly runner: () => Promise<RunnerState>;
  readonly revision: () => Revision;
  readonly isDraining: () => boolean;
}

/**
 * Down: the record cannot be written, no runtime is left, or the server drains. Degraded: it serves, but
 * something that protects or runs calls is missing; `reason` says what.
 */
export async function readReadiness(options: ReadinessOptions): Promise<Readiness> {
  const [record, runner] = await Promise.all([options.record(), options.runner()]);
  const executors = runner.health?.executors ?? [];
  const revision = options.revision();
  const dependencies: DependencyState[] = [
    { name: 'record', ...record },
    {
      name: 'runner',
      state: runner.state,
      reason: runner.reason ?? 'same user as the api: process isolation alone keeps the two apart',
      details: { identity: 'same-user' },
    },
    ...executors.map((executor) => describeExecutor(executor, revision)),
    { name: 'policy', state: 'ok', reason: null, details: { revision: revision.id } },
    ...(options.isDraining()
      ? [{ name: 'server', state: 'down', reason: 'it is shutting down' } as const]
      : []),
  ];
  const canRun = executors.some((executor) => executor.state === 'ok');
  const isDown = record.state === 'down' || runner.state === 'down' || !canRun || options.isDraining();
  const isDegraded = dependencies.some((dependency) => dependency.state !== 'ok');
  return {
    status: isDown ? 'down' : isDegraded ? 'degraded' : 'ok',
    revision: revision.id,
    dependencies,
  };
}

function describeExecutor(executor: ExecutorHealth, revision: Revision): DependencyState {
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
