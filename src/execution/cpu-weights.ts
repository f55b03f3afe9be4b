/**
 * Weights of sandboxes below one cgroup for the processor. What has run for long steps back behind what has just begun, as
 * in a scheduler with feedback (Corbató, Daggett and Daley, 1962): guests in a loop take what short calls leave. Where a
 * weight cannot be written nothing becomes less safe, only less fair.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a sandbox has of the processor.
 *
 * - `short`: a usual share. Whatever has just begun, is waited for, or dies.
 * - `long`: an eighth of that. It has taken its time already.
 * - `spare`: what nobody else wants at that moment. What is made ahead of need, and calls of a tenant that took far more
 *   than others lately.
 * - `resting`: it does nothing.
 */
export type CpuTurn = 'resting' | 'short' | 'long' | 'spare';

/** How long what is made ahead of need may wait for spare time: on a busy host it would come too late. Milliseconds. */
export const aheadOfNeedMsMax = 1000;

/** Of version 1 (`cpu.shares`), where a session of the host, and the server with it, has 1024. */
const shares = { normal: 1024, long: 128 } as const;

export interface CpuWeightsOptions {
  /** The cgroup above all of them. */
  readonly folder: string;
  readonly version: 1 | 2;
  /** The shares of all. */
  readonly together: number;
  /** Others have sandboxes below it too, and say what all have together. */
  readonly isShared: boolean;
}

interface Entry {
  turn: CpuTurn;
  /** What its files say; `turn` unless it has not begun yet. */
  given: CpuTurn;
}

export class CpuWeights {
  readonly #options: CpuWeightsOptions;
  /** Since Linux 5.15: such a cgroup has what others leave, and whatever wakes up elsewhere takes its place at once. */
  readonly #hasSpare: boolean;
  readonly #entries = new Map<string, Entry>();
  #isSpare = false;

  /** Throws when the weight of all cannot be set. */
  constructor(options: CpuWeightsOptions) {
    this.#options = options;
    this.#hasSpare = existsSync(join(options.folder, 'cpu.idle'));
    // One that was killed may have left it so; a cgroup with spare time alone takes no weight.
    if (this.#hasSpare) this.#writeSpare('.', false);
    this.#writeShares('.', options.together);
  }

  /** `name`: of a cgroup below, which may not be there yet: it is told again then. */
  set(name: string, wanted: CpuTurn): void {
    const turn = wanted === 'spare' && !this.#hasSpare ? 'long' : wanted;
    const entry = this.#entries.get(name) ?? { turn: 'resting', given: 'resting' };
    this.#entries.set(name, entry);
    entry.turn = turn;
    try {
      this.#give(name, entry);
    } catch {
      // ENOENT: it has not begun yet, or has ended meanwhile.
    }
    this.#giveAll();
  }

  /** It is gone, or about to be. */
  forget(name: string): void {
    this.#entries.delete(name);
    this.#giveAll();
  }

  #give(name: string, entry: Entry): void {
    const { turn, given } = entry;
    if (turn === given) return;
    // With spare time alone it had no weight; after that it has the usual one.
    if (given === 'spare') this.#writeSpare(name, false);
    if (turn === 'spare') this.#writeSpare(name, true);
    else if (turn === 'long') this.#writeShares(name, shares.long);
    else if (given === 'long') this.#writeShares(name, shares.normal);
    entry.given = turn;
  }

  /** All of them together have spare time alone as long as none of them has more. */
  #giveAll(): void {
    const turns = [...this.#entries.values()].map(({ turn }) => turn).filter((turn) => turn !== 'resting');
    try {
      const isSpare = turns.length > 0 && turns.every((turn) => turn === 'spare') && this.#isAlone();
      if (isSpare === this.#wasSpare()) return;
      this.#writeSpare('.', isSpare);
      this.#isSpare = isSpare;
      if (!isSpare) this.#writeShares('.', this.#options.together);
    } catch {
      // It is gone, with all below it; where it is not, the next one tries again.
    }
  }

  /** Another one may have said so, and be gone. */
  #wasSpare(): boolean {
    const { folder, isShared } = this.#options;
    if (!isShared || !this.#hasSpare) return this.#isSpare;
    return readFileSync(join(folder, 'cpu.idle'), 'utf8').trim() === '1';
  }

  /** Runners of one host share the cgroup of containers: none takes from those of another. */
  #isAlone(): boolean {
    if (!this.#options.isShared) return true;
    return readdirSync(this.#options.folder, { withFileTypes: true }).every(
      (below) => !below.isDirectory() || this.#entries.has(below.name),
    );
  }

  #writeSpare(name: string, isSpare: boolean): void {
    writeFileSync(join(this.#options.folder, name, 'cpu.idle'), isSpare ? '1' : '0');
  }

  /** Version 2 counts from 1 to 10,000 and has 100 where version 1 has 1024 (cgroup-v2.rst, `cpu.weight`). */
  #writeShares(name: string, cpuShares: number): void {
    const { folder, version } = this.#options;
    const file = version === 1 ? 'cpu.shares' : 'cpu.weight';
    const value = version === 1 ? cpuShares : Math.round((cpuShares * 100) / 1024);
    writeFileSync(join(folder, name, file), String(value));
  }
}
