/**
 * Weights of sandboxes below one cgroup for the processor. What has run for long steps back behind what has just begun, as
 * in a scheduler with feedback (Corbató, Daggett and Daley, 1962): guests in a loop take what the server and short calls
 * leave. Where a weight cannot be written nothing becomes less safe, only less fair.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lead } from './tenant-shares.ts';

/**
 * What a sandbox is doing: nothing; something that may be over soon; the same for a tenant that took far more than others
 * lately; something that has taken its time already.
 */
export type CpuClaim = 'idle' | 'brief' | 'behind' | 'long';

/** Processor time after which a call is long, and how often that is looked at, milliseconds. */
export const longCpuMs = 50;
export const longLookMs = 60;
/** A tenant that took so much more of the processor than others, in milliseconds, is behind them from then on. */
export const longCpuLead: Lead = { margin: 100, times: 2 };

/** Of version 1 (`cpu.shares`), where a session of the host, and the server with it, has 1024. */
export interface CpuShares {
  /** Of all together. */
  readonly together: number;
  /** Of all together while nothing but long calls runs. */
  readonly togetherLow: number;
}

const shares = { normal: 1024, low: 64 } as const;

export class CpuWeights {
  readonly #folder: string;
  readonly #version: 1 | 2;
  readonly #shares: CpuShares;
  readonly #claims = new Map<string, CpuClaim>();
  #together: number;

  /** `folder`: the cgroup above all of them. Throws when its weight cannot be set. */
  constructor(folder: string, version: 1 | 2, cpuShares: CpuShares) {
    this.#folder = folder;
    this.#version = version;
    this.#shares = cpuShares;
    this.#together = this.#wanted();
    this.#write('.', this.#together);
  }

  /** `name`: of a cgroup below. null: it is gone, or about to be. */
  set(name: string, claim: CpuClaim | null): void {
    const wasLow = isLow(this.#claims.get(name) ?? 'idle');
    if (claim === null) this.#claims.delete(name);
    else this.#claims.set(name, claim);
    if (claim !== null && isLow(claim) !== wasLow)
      this.#tryWrite(name, isLow(claim) ? shares.low : shares.normal);
    const together = this.#wanted();
    if (together !== this.#together) this.#tryWrite('.', together);
    this.#together = together;
  }

  #wanted(): number {
    const { together, togetherLow } = this.#shares;
    const claims = new Set(this.#claims.values());
    return claims.has('long') && !claims.has('brief') && !claims.has('behind') ? togetherLow : together;
  }

  #tryWrite(name: string, cpuShares: number): void {
    try {
      this.#write(name, cpuShares);
    } catch {
      // ENOENT: it has ended meanwhile.
    }
  }

  /** Version 2 counts from 1 to 10,000 and has 100 where version 1 has 1024 (cgroup-v2.rst, `cpu.weight`). */
  #write(name: string, cpuShares: number): void {
    const file = this.#version === 1 ? 'cpu.shares' : 'cpu.weight';
    const value = this.#version === 1 ? cpuShares : Math.round((cpuShares * 100) / 1024);
    writeFileSync(join(this.#folder, name, file), String(value));
  }
}

function isLow(claim: CpuClaim): boolean {
  return claim === 'long' || claim === 'behind';
}
