/**
 * The cgroup of one worker, in version 1 or 2 of the kernel's interface (cgroup-v1/memory.rst and cgroup-v2.rst in the
 * kernel's documentation). All that the process takes counts: V8's heap, array buffers, strings, WebAssembly memory,
 * page tables. Swap does not help it: what it may have of memory and swap together is what it may have of memory.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkerMemory } from '../worker-memory.ts';

/** Folders of one worker; the same for all controllers in version 2. */
export interface CgroupFolders {
  readonly version: 1 | 2;
  /** Null where that controller cannot be had. */
  readonly memory: string | null;
  readonly pids: string | null;
  readonly cpu: string | null;
}

const mib = 1024 * 1024;
/** Limits move in steps, so that calls of about the same size write nothing. */
const limitStepBytes = 16 * mib;
/** Until the first call: a worker that starts takes about 60 MiB. */
const startBytesMax = 512 * mib;

/** Makes the folders and sets what does not change. Throws when the kernel refuses any of it. */
export function prepareFolders({ version, memory, pids, cpu }: CgroupFolders, tasksMax: number): void {
  for (const folder of new Set([memory, pids, cpu])) if (folder !== null) mkdirSync(folder);
  if (pids !== null) writeFileSync(join(pids, 'pids.max'), String(tasksMax));
  if (memory === null || version === 1) return;
  writeFileSync(join(memory, 'memory.swap.max'), '0');
  writeFileSync(join(memory, 'memory.oom.group'), '1');
}

export class CgroupMemory implements WorkerMemory {
  readonly #folder: string;
  readonly #version: 1 | 2;
  readonly #buffer = Buffer.alloc(32);
  readonly #usage: number;
  readonly #peak: number | null;
  readonly #limit: number;
  /** Version 1 has a second limit, of memory and swap together; null where the kernel does not count swap. */
  readonly #limitWithSwap: number | null;
  readonly needsWatch: boolean;
  #limitBytes = Number.MAX_SAFE_INTEGER;
  #atStart = 0;
  #peakAtStart = 0;
  #peakSeen = 0;
  #isClosed = false;

  /** For a folder that `prepareFolders` made. Throws when its limit cannot be set. */
  constructor(folder: string, version: 1 | 2) {
    this.#folder = folder;
    this.#version = version;
    const names = version === 1 ? namesOfV1 : namesOfV2;
    this.#usage = openSync(join(folder, names.usage), 'r');
    this.#peak = openIfThere(join(folder, names.peak), 'r+') ?? openIfThere(join(folder, names.peak), 'r');
    this.#limit = openSync(join(folder, names.limit), 'w');
    this.#limitWithSwap = version === 1 ? openIfThere(join(folder, namesOfV1.limitWithSwap), 'w') : null;
    // Only counters that can be set back tell one call from the one before it.
    this.needsWatch = !this.#resetPeak();
    if (version === 1) writeFileSync(join(folder, 'memory.swappiness'), '0');
    this.#setLimit(startBytesMax);
  }

  startCall(growthBytesMax: number): void {
    this.#atStart = this.#read(this.#usage) ?? 0;
    if (this.needsWatch) this.#peakAtStart = this.#readPeak();
    else this.#resetPeak();
    this.#peakSeen = this.#atStart;
    this.#setLimit(this.#atStart + growthBytesMax);
  }

  peakGrowthBytes(): number | null {
    if (this.#isClosed) return this.#peakSeen - this.#atStart;
    const peak = this.#readPeak();
    // A peak that only ever grows says something of this call when it has grown; else what was seen from time to time.
    const isOwn = !this.needsWatch || peak > this.#peakAtStart;
    this.#peakSeen = Math.max(this.#peakSeen, isOwn ? peak : (this.#read(this.#usage) ?? 0));
    return this.#peakSeen - this.#atStart;
  }

  /** The kernel ended the process for its memory. */
  wasKilledForMemory(): boolean {
    if (this.#isClosed) return false;
    const file = this.#version === 1 ? 'memory.oom_control' : 'memory.events';
    const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(join(this.#folder, file), 'utf8')) ?? [];
    return count !== undefined && count !== '0';
  }

  /** The process is gone. What was seen of it can still be asked for. */
  close(): void {
    if (this.#isClosed) return;
    this.peakGrowthBytes();
    this.#isClosed = true;
    for (const descriptor of [this.#usage, this.#peak, this.#limit, this.#limitWithSwap])
      if (descriptor !== null) closeSync(descriptor);
  }

  /** The larger of version 1's two limits moves first when they rise, last when they fall: one must not pass the other. */
  #setLimit(bytes: number): void {
    const limitBytes = Math.ceil(bytes / limitStepBytes) * limitStepBytes;
    if (limitBytes === this.#limitBytes) return;
    const isRising = limitBytes > this.#limitBytes;
    if (isRising) this.#setLimitWithSwap(limitBytes);
    writeSync(this.#limit, String(limitBytes), 0);
    if (!isRising) this.#setLimitWithSwap(limitBytes);
    this.#limitBytes = limitBytes;
  }

  #setLimitWithSwap(bytes: number): void {
    if (this.#limitWithSwap !== null) writeSync(this.#limitWithSwap, String(bytes), 0);
  }

  /** Version 1 always could; in version 2 since Linux 6.12, for whoever reads through the same descriptor. */
  #resetPeak(): boolean {
    if (this.#peak === null) return false;
    try {
      return writeSync(this.#peak, '0', 0) > 0;
    } catch {
      return false;
    }
  }

  #readPeak(): number {
    return (this.#peak === null ? null : this.#read(this.#peak)) ?? 0;
  }

  #read(descriptor: number): number | null {
    try {
      const length = readSync(descriptor, this.#buffer, 0, this.#buffer.length, 0);
      return length === 0 ? null : Number(this.#buffer.toString('latin1', 0, length));
    } catch {
      return null;
    }
  }
}

const namesOfV1 = {
  usage: 'memory.usage_in_bytes',
  peak: 'memory.max_usage_in_bytes',
  limit: 'memory.limit_in_bytes',
  limitWithSwap: 'memory.memsw.limit_in_bytes',
} as const;
const namesOfV2 = { usage: 'memory.current', peak: 'memory.peak', limit: 'memory.max' } as const;

function openIfThere(path: string, flags: 'r' | 'r+' | 'w'): number | null {
  try {
    return openSync(path, flags);
  } catch {
    return null;
  }
}
