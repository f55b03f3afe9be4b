/**
 * Weights of sandboxes below one cgroup for the processor. What has run for long steps back behind what has just begun, as
 * in a scheduler with feedback (Corbató, Daggett and Daley, 1962): guests in a loop take what short calls leave. Where a
 * weight cannot be written nothing becomes less safe, only less fair.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lead } from './tenant-shares.ts';

/** Processor time after which a call is long, and how often that is looked at, milliseconds. */
export const longCpuMs = 50;
export const longLookMs = 60;
/** Calls of a tenant that took so much more of the processor than others, in milliseconds, are long from the beginning. */
export const longCpuLead: Lead = { margin: 100, times: 2 };

/** Of version 1 (`cpu.shares`), where a session of the host, and the server with it, has 1024. */
const shares = { normal: 1024, long: 128 } as const;

export class CpuWeights {
  readonly #folder: string;
  readonly #version: 1 | 2;
  readonly #long = new Set<string>();

  /** `folder`: the cgroup above all of them; `together`: the shares of all. Throws when they cannot be set. */
  constructor(folder: string, version: 1 | 2, together: number) {
    this.#folder = folder;
    this.#version = version;
    this.#write('.', together);
  }

  /** `name`: of a cgroup below; what it runs has taken its time already, or is over or short. */
  set(name: string, isLong: boolean): void {
    if (isLong === this.#long.has(name)) return;
    if (isLong) this.#long.add(name);
    else this.#long.delete(name);
    try {
      this.#write(name, isLong ? shares.long : shares.normal);
    } catch {
      // ENOENT: it has ended meanwhile.
    }
  }

  /** It is gone, or about to be. */
  forget(name: string): void {
    this.#long.delete(name);
  }

  /** Version 2 counts from 1 to 10,000 and has 100 where version 1 has 1024 (cgroup-v2.rst, `cpu.weight`). */
  #write(name: string, cpuShares: number): void {
    const file = this.#version === 1 ? 'cpu.shares' : 'cpu.weight';
    const value = this.#version === 1 ? cpuShares : Math.round((cpuShares * 100) / 1024);
    writeFileSync(join(this.#folder, name, file), String(value));
  }
}
