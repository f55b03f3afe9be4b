/**
 * Removes containers that nobody waits for. Own ones are those that this process does not know as live, whatever
 * a killed predecessor with the same instance id left; another instance's only long after their deadline, as their
 * owner may be well.
 */
import { bounded, statusOf } from './engine.ts';
import type { Engine } from './engine.ts';
import { sweepGraceMs } from './limits.ts';
import type { Logger } from './logger.ts';

export const labels = {
  /** Who started it: one id for each data directory. */
  instance: 'sallyport.instance',
  /** What it is for: a call, or an isolate worker. */
  call: 'sallyport.call',
  /** When that has ended at the latest, milliseconds since 1970. */
  deadline: 'sallyport.deadline',
} as const;

export interface SweepScope {
  readonly instance: string;
  /** Calls and isolate workers of this process that run or start. */
  readonly live: ReadonlySet<string>;
  readonly nowMs: number;
}

/** Whether a container with these labels is forgotten. */
export function isForgotten(given: Readonly<Record<string, string>>, scope: SweepScope): boolean {
  if (given[labels.instance] === scope.instance) return !scope.live.has(given[labels.call] ?? '');
  const deadlineMs = Number(given[labels.deadline]);
  return Number.isFinite(deadlineMs) && deadlineMs + sweepGraceMs < scope.nowMs;
}

/** Returns how many were removed; `onRemoved` is told of each. Throws when the engine does not answer. */
export async function sweep(
  engine: Engine,
  scope: SweepScope,
  logger: Logger,
  onRemoved: (container: string) => void = () => {},
): Promise<number> {
  await engine.ping();
  const containers = await bounded(
    engine.docker.listContainers({ all: true, filters: { label: [labels.instance] } }),
  );
  let removed = 0;
  for (const { Id, Labels } of containers) {
    if (!isForgotten(Labels, scope)) continue;
    try {
      await bounded(engine.docker.getContainer(Id).remove({ force: true, v: true }));
      removed++;
      onRemoved(Id);
    } catch (error) {
      if (statusOf(error) === 404 || statusOf(error) === 409) continue;
      throw error;
    }
  }
  if (removed > 0) logger.warn({ removed, instance: scope.instance }, 'forgotten sandboxes were removed');
  return removed;
}
