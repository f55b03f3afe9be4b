/** What a call that runs has of the processor, looked at from time to time. */
import type { CpuTurn } from './cpu-weights.ts';
import type { Lead } from './tenant-shares.ts';

/** Processor time after which a call is long, and how often that is looked at, milliseconds. */
export const longCpuMs = 50;
export const longLookMs = 60;
/** Who took so much more of the processor than others, in milliseconds, has spare time alone. */
export const spareLead: Lead = { margin: 100, times: 2 };
/**
 * Of a core, in spare time, within so many milliseconds: one that has less is taken to starve, on a host that is busy with
 * other things, and has a share again for as long.
 */
const starving = { share: 0.05, windowMs: 1000 } as const;

interface Look {
  /** Monotonic. */
  readonly atMs: number;
  /** What it took of the processor since it exists. */
  readonly cpuMs: number;
}

export class CallTurn {
  readonly #first: Look;
  #window: Look;
  #isStarving = false;

  constructor(first: Look) {
    this.#first = first;
    this.#window = first;
  }

  /** `isBehind`: its tenant took far more than others lately. */
  next(look: Look, isBehind: boolean): CpuTurn {
    const sinceMs = look.atMs - this.#window.atMs;
    if (sinceMs >= starving.windowMs) {
      this.#isStarving = look.cpuMs - this.#window.cpuMs < starving.share * sinceMs;
      this.#window = look;
    }
    if (isBehind && !this.#isStarving) return 'spare';
    return isBehind || look.cpuMs - this.#first.cpuMs >= longCpuMs ? 'long' : 'short';
  }
}
