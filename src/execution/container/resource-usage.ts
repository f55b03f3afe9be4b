/**
 * What a container used, read while it still exists: from its cgroup's files where this process sees them, else
 * from the engine. The files alone tell how many processes the kernel killed for want of memory, and on cgroup v2
 * the peak.
 */
import { readFile } from 'node:fs/promises';
import type { Container } from 'dockerode';

import { bounded } from './engine.ts';

export interface ResourceUsage {
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
  /** Null where it cannot be known; the engine's own flag is asked then. */
  readonly oomKills: number | null;
}

const unknownUsage: ResourceUsage = { cpuMs: 0, memoryPeakBytes: 0, oomKills: null };
const cgroupRoot = '/sys/fs/cgroup';

/** Never fails: what cannot be read is zero. `pid`: of the container's first process on this host, 0 if unknown. */
export async function readResourceUsage(container: Container, pid: number): Promise<ResourceUsage> {
  try {
    return await readCgroupFiles(container.id, pid);
  } catch {
    return await readEngineStats(container).catch(() => unknownUsage);
  }
}

/** The paths of a process's cgroups by controller (v1), or under the empty name (v2). Null when it is another's. */
export async function cgroupPathsOf(pid: number, containerId: string): Promise<Map<string, string> | null> {
  if (pid <= 0) return null;
  const lines = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  if (!lines.includes(containerId)) return null;
  const paths = new Map<string, string>();
  for (const line of lines.trimEnd().split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    for (const controller of controllers.split(',')) paths.set(controller, path.join(':'));
  }
  return paths;
}

async function readCgroupFiles(containerId: string, pid: number): Promise<ResourceUsage> {
  const paths = await cgroupPathsOf(pid, containerId);
  if (paths === null) throw new Error('its cgroup is not visible here');
  const memory = paths.get('memory');
  const cpu = paths.get('cpuacct');
  if (memory !== undefined && cpu !== undefined) {
    const folder = `${cgroupRoot}/memory${memory}`;
    const [peak, events, time] = await Promise.all([
      readFile(`${folder}/memory.max_usage_in_bytes`, 'utf8'),
      readFile(`${folder}/memory.oom_control`, 'utf8'),
      readFile(`${cgroupRoot}/cpuacct${cpu}/cpuacct.usage`, 'utf8'),
    ]);
    return usage(Number(time) / 1e6, Number(peak), field(events, 'oom_kill'));
  }
  const folder = `${cgroupRoot}${paths.get('') ?? ''}`;
  const [peak, events, time] = await Promise.all([
    readFile(`${folder}/memory.peak`, 'utf8'),
    readFile(`${folder}/memory.events`, 'utf8'),
    readFile(`${folder}/cpu.stat`, 'utf8'),
  ]);
  return usage((field(time, 'usage_usec') ?? 0) / 1e3, Number(peak), field(events, 'oom_kill'));
}

async function readEngineStats(container: Container): Promise<ResourceUsage> {
  const stats = await bounded(container.stats({ stream: false, 'one-shot': true }));
  const { max_usage: peak, usage: current } = stats.memory_stats;
  return usage(stats.cpu_stats.cpu_usage.total_usage / 1e6, peak ?? current ?? 0, null);
}

function usage(cpuMs: number, memoryPeakBytes: number, oomKills: number | null): ResourceUsage {
  return { cpuMs: Math.round(cpuMs), memoryPeakBytes, oomKills };
}

/** The number after a name in a file of `name number` lines. */
function field(lines: string, name: string): number | null {
  const line = lines.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(name.length + 1));
}
