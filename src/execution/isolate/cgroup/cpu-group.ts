/**
 * One weight of all workers together for the processor. Each is a session of its own, and with automatic groups (sched(7))
 * each session weighs as much as the whole server: a few guests in a loop would leave it little. Where it cannot be set,
 * nothing less is safe.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeGroup } from './make-group.ts';
import type { CgroupPlace } from './own-cgroups.ts';

/** As much as one session, or one thread of the server, by default. */
const shares = '1024';
const weight = '100';

/** A group for all workers in version 1. Null in version 2, where `group`, which they are below, gets the weight; or without any. */
export function makeCpuGroup(place: CgroupPlace | string, group: string | null): string | null {
  if (typeof place === 'string') return null;
  try {
    if (place.version === 1) {
      const own = makeGroup(place, ['cpu']);
      writeFileSync(join(own, 'cpu.shares'), shares);
      return own;
    }
    if (group === null) return null;
    const file = join(group, 'cpu.weight');
    if (!existsSync(file)) writeFileSync(join(dirname(group), 'cgroup.subtree_control'), '+cpu');
    writeFileSync(file, weight);
    return null;
  } catch {
    return null;
  }
}
