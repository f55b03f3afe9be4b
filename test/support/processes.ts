/** Processes as the kernel shows them. Each wait is bounded by the test's own time limit. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A test that runs out of time disposes of nothing: the child then ends with the process that ran the test. */
export function endWithThisProcess(child: ChildProcess): void {
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}

/** Resolves once the process is no more, and no zombie either. */
export async function gone(pid: number): Promise<void> {
  while (isThere(pid)) await new Promise((resolve) => setImmediate(resolve));
}

/** The arguments of a process that lives. */
export function argumentsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
}

/** All processes below one, grandchildren included. */
export function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number).filter(Boolean);
  } catch {
    return [];
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves once code runs in a sandbox: a process below the runner burns processor time. */
export async function untilBusy(runnerPid: number): Promise<void> {
  const before = new Map(descendants(runnerPid).map((pid) => [pid, ticksOf(pid)]));
  while (
    !descendants(runnerPid).some((pid) => ticksOf(pid) > (before.get(pid) ?? ticksOf(pid)) + busyTicks)
  ) {
    for (const pid of descendants(runnerPid)) if (!before.has(pid)) before.set(pid, ticksOf(pid));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A starting worker burns less than this; in clock ticks of 10 ms (proc(5), utime). */
const busyTicks = 40;

function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11]);
  } catch {
    return 0;
  }
}
