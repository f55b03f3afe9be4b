/** Whose a group of cgroups is, and how it goes: with its worker, or by the next runner when its own was killed. */
import { readFileSync, readdirSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** `sallyport-isolates-PIDNS-PID-START-N`. */
const groupPrefix = 'sallyport-isolates-';
const groupPattern = /^(sallyport-isolates-(\d+)-(\d+)-\d+)-\d+$/;
/** The kernel lets go of a cgroup some time after its last process ended: 5 + 10 + 20 + … ms, 2.5 s in all. */
const removalAttemptsMax = 9;
const removalPauseMs = 5;

/** What the names of a process's groups begin with: process numbers are used again, start times are not. */
export function groupNameOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc_pid_stat(5), field 22; the second one may hold spaces.
    const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${groupPrefix}${ownPidNamespace()}-${pid}-${startedAt}`;
  } catch {
    return '';
  }
}

/** Removes the groups of runners that are no more, in the same PID namespace as this one: elsewhere nobody can tell. */
export function sweepGroups(base: string): void {
  for (const name of readdirSync(base)) {
    const [, owner, namespace, pid] = groupPattern.exec(name) ?? [];
    if (namespace !== ownPidNamespace() || groupNameOf(Number(pid)) === owner) continue;
    const group = join(base, name);
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      endMembers(join(group, entry.name));
      removeIfEmpty(join(group, entry.name));
    }
    removeIfEmpty(group);
  }
}

/** Ends whatever is left inside and removes the folder. One that the kernel does not let go of stays for the sweep. */
export async function removeCgroup(folder: string): Promise<void> {
  for (let attempt = 0; attempt < removalAttemptsMax; attempt += 1) {
    endMembers(folder);
    if (removeIfEmpty(folder)) return;
    await pause(removalPauseMs * 2 ** attempt);
  }
}

/** True when it is gone. */
export function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

export function membersOf(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Nothing that a guest may have started outlives its worker, whatever process group it moved to. */
function endMembers(folder: string): void {
  for (const pid of membersOf(folder)) {
    // 0: a process that this PID namespace does not see.
    if (pid === 0) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ESRCH: it has ended meanwhile.
    }
  }
}

function ownPidNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
}
