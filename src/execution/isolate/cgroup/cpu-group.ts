/**
 * The cgroup of all workers for their weight for the processor. Each worker is a session of its own, and with automatic
 * groups (sched(7)) each session weighs as much as the whole server: a few guests in a loop would leave it little.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CpuWeights } from '../../cpu-weights.ts';
import { makeGroup } from './make-group.ts';
import type { CgroupPlace } from './own-cgroups.ts';

export interface CpuGroup {
  /** Where each worker has a folder. */
  readonly folder: string;
  readonly weights: CpuWeights;
}

/**
 * Of all workers together: as much as any session of the host, the server too. With less, where the host is busy
 * with other things, a worker can take longer to start than a call may wait for one (seen with half of it, in a suite of tests).
 */
const workerShares = 1024;

/** In version 2 it is `group`, which the workers are below anyway. Null where the kernel does not give it. */
export function makeCpuGroup(place: CgroupPlace | string, group: string | null): CpuGroup | null {
  if (typeof place === 'string') return null;
  try {
    if (place.version === 1) {
      const own = makeGroup(place, ['cpu']);
      return {
        folder: own,
        weights: new CpuWeights({ folder: own, version: 1, together: workerShares, isShared: false }),
      };
    }
    if (group === null) return null;
    if (!existsSync(join(group, 'cpu.weight')))
      writeFileSync(join(dirname(group), 'cgroup.subtree_control'), '+cpu');
    writeFileSync(join(group, 'cgroup.subtree_control'), '+cpu');
    return {
      folder: group,
      weights: new CpuWeights({ folder: group, version: 2, together: workerShares, isShared: false }),
    };
  } catch {
    return null;
  }
}
