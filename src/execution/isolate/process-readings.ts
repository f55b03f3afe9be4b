/**
 * What the runner can see of a worker from outside: CPU time and resident memory, from /proc (proc(5)).
 * CPU is that of the worker's main thread (`schedstat`, ns): guests run there and nowhere else, and
 * `/proc/PID/stat` counts in ticks of 10 ms, longer than most calls.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes of a page on every platform where Node runs with a /proc of this shape. */
const pageBytes = 4096;

export class ProcessReadings implements Disposable {
  readonly #buffer = Buffer.alloc(256);
  #memory: number | null;
  #cpu: number | null;

  private constructor(memory: number | null, cpu: number | null) {
    this.#memory = memory;
    this.#cpu = cpu;
  }

  /** Files stay open, so that a reading costs microseconds. On hosts without /proc every reading is null. */
  static open(pid: number | null): ProcessReadings {
    return new ProcessReadings(openOrNull(pid, 'statm'), openOrNull(pid, 'schedstat'));
  }

  /** Resident memory, bytes; null when it cannot be read (no /proc, or the process is gone). */
  residentBytes(): number | null {
    const pages = this.#read(this.#memory)?.[1];
    return pages === undefined ? null : pages * pageBytes;
  }

  /** CPU time of the main thread so far, milliseconds. */
  cpuMs(): number | null {
    const nanoseconds = this.#read(this.#cpu)?.[0];
    return nanoseconds === undefined ? null : nanoseconds / 1e6;
  }

  [Symbol.dispose](): void {
    for (const descriptor of [this.#memory, this.#cpu]) {
      if (descriptor !== null) closeSync(descriptor);
    }
    this.#memory = null;
    this.#cpu = null;
  }

  #read(descriptor: number | null): number[] | null {
    if (descriptor === null) return null;
    try {
      const length = readSync(descriptor, this.#buffer, 0, this.#buffer.length, 0);
      return length === 0 ? null : this.#buffer.toString('latin1', 0, length).split(' ').map(Number);
    } catch {
      return null;
    }
  }
}

function openOrNull(pid: number | null, file: string): number | null {
  if (pid === null) return null;
  try {
    return openSync(`/proc/${pid}/${file}`, 'r');
  } catch {
    return null;
  }
}
