/**
 * What a quota can count, how much of it a call leases before it runs, and when that counts.
 *
 * `start`: known beforehand, counted in the window from the moment of the lease. `held`: counted while the call runs.
 * `end`: known afterwards. The lease holds the most that the call can use for as long as it runs; then what it really
 * used counts in the window from the moment of its end, so that use is never counted earlier than it happened. A call
 * whose use is not known counts in full.
 *
 * The most is what the runner enforces, so a call exceeds its lease only by what it can do between its deadline and
 * its death, and by its artifacts. What it really used counts then as well.
 */
import type { QuotaDraw, QuotaUnit } from '../../model/decision.ts';
import type { Limits } from '../../model/limits.ts';
import type { Tool } from '../../model/tool.ts';

export type CountedWhen = 'start' | 'held' | 'end';

export interface UnitRule {
  /** What a number of it is called: `60 calls`. */
  readonly words: string;
  readonly counted: CountedWhen;
  /** Steps of the counter in one unit: counters are whole numbers, so that sums are exact. */
  readonly scale: number;
  /** What a call leases, in units. For `amount` the policy says it. */
  readonly lease: (tool: Pick<Tool, 'runtime' | 'cost'>, limits: Limits) => number;
}

const one = (): number => 1;
/** Nothing in this version uses any: counted as what it is. */
const none = (): number => 0;

export const quotaUnits: Readonly<Record<QuotaUnit, UnitRule>> = Object.freeze({
  calls: { words: 'calls', counted: 'start', scale: 1, lease: one },
  concurrent: { words: 'calls', counted: 'held', scale: 1, lease: one },
  amount: { words: 'by the amount of each call', counted: 'start', scale: 1, lease: one },
  cost_usd: { words: 'USD', counted: 'start', scale: 1_000_000, lease: ({ cost }) => cost?.perCallUsd ?? 0 },
  cpu_ms: { words: 'ms of processor time', counted: 'end', scale: 1_000, lease: cpuMsMax },
  wall_ms: {
    words: 'ms of wall time',
    counted: 'end',
    scale: 1_000,
    lease: (_tool, { timeoutMs }) => timeoutMs,
  },
  // The result and the logs that were kept. Artifacts count afterwards: leased, they would be most of every lease.
  output_bytes: {
    words: 'bytes of output',
    counted: 'end',
    scale: 1,
    lease: (_tool, { outputBytes, logBytes }) => outputBytes + logBytes,
  },
  egress_bytes: { words: 'bytes of egress', counted: 'end', scale: 1, lease: none },
  tokens: { words: 'tokens', counted: 'end', scale: 1, lease: none },
});

/** An isolate runs on one thread whatever `cpus` says. */
function cpuMsMax({ runtime }: Pick<Tool, 'runtime'>, { timeoutMs, cpus }: Limits): number {
  return timeoutMs * (runtime.kind === 'isolate' ? 1 : cpus);
}

/** What a call used of the units that are known afterwards. */
export interface MeasuredUse {
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Of the result, and of what was kept of stdout and stderr. */
  readonly outputBytes: number;
  readonly artifactBytes: number;
}

/** In units; null for a unit that is not measured. */
export function usedOf(unit: QuotaUnit, use: MeasuredUse): number | null {
  switch (unit) {
    case 'cpu_ms':
      return use.cpuMs;
    case 'wall_ms':
      return use.wallMs;
    case 'output_bytes':
      return use.outputBytes + use.artifactBytes;
    case 'egress_bytes':
    case 'tokens':
      return 0;
    case 'calls':
    case 'concurrent':
    case 'amount':
    case 'cost_usd':
      return null;
  }
}

/** The draws of units that are measured, with what was used; in full when that is not known. */
export function settledDraws(draws: readonly QuotaDraw[], use: MeasuredUse | null): readonly QuotaDraw[] {
  return draws
    .filter(({ unit }) => quotaUnits[unit].counted === 'end')
    .map((draw) => ({ ...draw, used: use === null ? draw.amount : (usedOf(draw.unit, use) ?? draw.amount) }));
}

/** The same draws under limits that the request narrowed: a call that may use less leases less. */
export function leaseUnder(
  draws: readonly QuotaDraw[],
  tool: Pick<Tool, 'runtime' | 'cost'>,
  limits: Limits,
): readonly QuotaDraw[] {
  return draws.map((draw) =>
    quotaUnits[draw.unit].counted === 'end'
      ? { ...draw, amount: quotaUnits[draw.unit].lease(tool, limits) }
      : draw,
  );
}

/** Steps of the counter, rounded up: what is counted is never less than what was used. */
export function inSteps(unit: QuotaUnit, amount: number): number {
  const { scale } = quotaUnits[unit];
  return scale === 1 ? Math.ceil(amount) : Math.ceil(Number((amount * scale).toPrecision(15)));
}
