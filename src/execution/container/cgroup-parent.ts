/**
 * One cgroup over all sandboxes, with a total limit on memory and a low weight for the CPU, so that the host stays
 * alive whatever they do. Only possible where this process may write the engine's cgroup files: as root, on the
 * engine's own machine, with the cgroupfs driver. With the systemd driver the parent is a slice, whose limits are
 * an operator's to set (`systemctl set-property sallyport.slice MemoryMax=… CPUWeight=…`).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';

import { CpuWeights } from '../cpu-weights.ts';
import type { EngineFacts } from './engine.ts';

/** Share of the machine's memory that all sandboxes together may use. */
const totalMemoryShare = 0.75;
/** The engine's own processes, which make and remove containers, and the server come first. Always the same: runners share it. */
const containerShares = 256;

export interface CgroupParent {
  /** HostConfig.CgroupParent. */
  readonly name: string;
  /** The total limit in bytes, or null where none could be set; `reason` then says why. */
  readonly memoryBytesMax: number | null;
  readonly reason: string | null;
  /** Of containers, by their ids; null with `reason`. */
  readonly weights: CpuWeights | null;
}

/** Never fails: a parent without a total limit is reported as that. `root`: where the cgroup files are mounted. */
export async function prepareCgroupParent(
  facts: EngineFacts,
  root = '/sys/fs/cgroup',
): Promise<CgroupParent> {
  if (facts.cgroupDriver !== 'cgroupfs') {
    return {
      name: 'sallyport.slice',
      memoryBytesMax: null,
      weights: null,
      reason: `with the engine's ${facts.cgroupDriver} cgroup driver, limits of sallyport.slice are set on the host`,
    };
  }
  const memoryBytesMax = Math.floor((totalmem() * totalMemoryShare) / 4096) * 4096;
  try {
    if (facts.cgroupVersion === '2') {
      await makeFolder(`${root}/sallyport`);
      await writeFile(`${root}/sallyport/memory.max`, String(memoryBytesMax));
    } else {
      await makeFolder(`${root}/memory/sallyport`);
      await writeFile(`${root}/memory/sallyport/memory.limit_in_bytes`, String(memoryBytesMax));
      await makeFolder(`${root}/cpu/sallyport`);
    }
    const [folder, version] =
      facts.cgroupVersion === '2'
        ? ([`${root}/sallyport`, 2] as const)
        : ([`${root}/cpu/sallyport`, 1] as const);
    const weights = new CpuWeights({ folder, version, together: containerShares, isShared: true });
    return { name: '/sallyport', memoryBytesMax, reason: null, weights };
  } catch (error) {
    return {
      name: '/sallyport',
      memoryBytesMax: null,
      weights: null,
      reason: `this process cannot write the engine's cgroup files (${codeOf(error)})`,
    };
  }
}

/** Not recursive: without its controller mounted there, nothing is to be made. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
