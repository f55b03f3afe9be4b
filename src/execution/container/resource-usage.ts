/**
 * What a container used, read while it still exists: from its cgroup's files where this process sees them, else
 * from the engine. The files alone tell how many processes the kernel killed for want of memory, and on cgroup v2
 * the peak.
 */
import { readFileSync } from 'node:fs';
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

/** Files of a container's cgroup, whose paths have its id in them: no other container ever has the same. */
export interface CgroupFiles {
  readonly peak: string;
  readonly events: string;
  readonly time: string;
  readonly version: 1 | 2;
}

/** Null where this process does not see them. `pid`: of the container's first process on this host, 0 if unknown. */
export async function cgroupFilesOf(pid: number, containerId: string): Promise<CgroupFiles | null> {
  const paths = await cgroupPathsOf(pid, containerId);
  if (paths === null) return null;
  const memory = paths.get('memory');
  const cpu = paths.get('cpuacct');
  if (memory !== undefined && cpu !== undefined) {
    const folder = `${cgroupRoot}/memory${memory}`;
    return {
      peak: `${folder}/memory.max_usage_in_bytes`,
      events: `${folder}/memory.oom_control`,
      time: `${cgroupRoot}/cpuacct${cpu}/cpuacct.usage`,
      version: 1,
    };
  }
  const folder = `${cgroupRoot}${paths.get('') ?? ''}`;
  return {
    peak: `${folder}/memory.peak`,
    events: `${folder}/memory.events`,
    time: `${folder}/cpu.stat`,
    version: 2,
  };
}

/** Never fails: what cannot be read is zero. */
export async function readResourceUsage(
  container: Container,
  files: CgroupFiles | null,
): Promise<ResourceUsage> {
  try {
    if (files !== null) return readCgroupFiles(files);
  } catch {
    // They went with the container.
  }
  return await readEngineStats(container).catch(() => unknownUsage);
}

/** Without a question to the engine: zero where this process does not see the files. */
export function readUsageSoFar(files: CgroupFiles | null): ResourceUsage {
  try {
    return files === null ? unknownUsage : readCgroupFiles(files);
  } catch {
    return unknownUsage;
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

/** The kernel answers out of its memory: reading on another thread takes ten times as long. */
function readCgroupFiles(files: CgroupFiles): ResourceUsage {
  const [peak, events, time] = [files.peak, files.events, files.time].map((file) =>
    readFileSync(file, 'utf8'),
  );
  const cpuMs = files.version === 1 ? Number(time) / 1e6 : (field(time ?? '', 'usage_usec') ?? 0) / 1e3;
  return usage(cpuMs, Number(peak), field(events ?? '', 'oom_kill'));
}

async function readEngineStats(container: Container): Promise<ResourceUsage> {
  const stats = await bounded(container.stats({ stream: false, 'one-shot': true }));
  const { max_usage: peak, usage: current } = stats.memory_stats;
  return usage(stats.cpu_stats.cpu_usage.total_usage / 1e6, peak ?? current ?? 0, null);
}

function usage(cpuMs: number, memoryPeakBytes: number, oomKills: number | null): ResourceUsage {
  return { cpuMs, memoryPeakBytes, oomKills };
}

/** The number after a name in a file of `name number` lines. */
function field(lines: string, name: string): number | null {
  const line = lines.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(name.length + 1));
}
