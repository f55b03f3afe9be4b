/**
 * The weight of workers for the processor. Each is a session of its own, and with automatic groups (sched(7))
 * each session weighs as much as the whole server: a few guests in a loop would leave it little. Where it cannot be set,
 * nothing less is safe.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeGroup } from './make-group.ts';
import type { CgroupPlace } from './own-cgroups.ts';

/** As much as one session, or one thread of the server, by default. */
const shares = '1024';
const weight = '100';
/** Of all workers together whose calls have run for long: half as much, and no less, so that they come to their end on a busy machine. */
const longShares = '512';
const longWeight = '50';

/** Groups of version 1. */
export interface CpuGroups {
  readonly all: string;
  readonly long: string;
}

/**
 * Groups for workers in version 1. Null in version 2, where `group`, which they are below, gets the weight, and each of
 * them one of its own in there; or without any.
 */
export function makeCpuGroups(place: CgroupPlace | string, group: string | null): CpuGroups | null {
  if (typeof place === 'string') return null;
  try {
    if (place.version === 1)
      return { all: makeCpuGroup(place, shares), long: makeCpuGroup(place, longShares) };
    if (group === null) return null;
    const file = join(group, 'cpu.weight');
    if (!existsSync(file)) writeFileSync(join(dirname(group), 'cgroup.subtree_control'), '+cpu');
    writeFileSync(file, weight);
    writeFileSync(join(group, 'cgroup.subtree_control'), '+cpu');
    return null;
  } catch {
    return null;
  }
}

function makeCpuGroup(place: CgroupPlace, ownShares: string): string {
  const own = makeGroup(place, ['cpu']);
  writeFileSync(join(own, 'cpu.shares'), ownShares);
  return own;
}

/** Gives one worker the weight of a long call, or takes it back: one after the other, without waiting for the kernel. */
export class CpuPlace {
  readonly #groups: CpuGroups | null;
  /** The worker's own group in version 2. */
  readonly #folder: string | null;
  #written: Promise<void> = Promise.resolve();

  constructor(groups: CpuGroups | null, folder: string | null) {
    this.#groups = groups;
    this.#folder = folder;
  }

  /** Resolves when it is done, or cannot be: that is a matter of manners. */
  set(pid: number, isLong: boolean): Promise<void> {
    const write = async (): Promise<void> => {
      const groups = this.#groups;
      if (groups !== null) await writeFile(join(isLong ? groups.long : groups.all, 'cgroup.procs'), `${pid}`);
      else if (this.#folder !== null)
        await writeFile(join(this.#folder, 'cpu.weight'), isLong ? longWeight : weight);
    };
    this.#written = this.#written.then(write).catch(() => {});
    return this.#written;
  }
}
