/** The memory of one worker process: what a call may add to what was there before it, and what it did add. */
import type { ProcessReadings } from './process-readings.ts';

export interface WorkerMemory {
  /** False where the kernel itself ends a process at its limit and remembers the peak: nobody has to look meanwhile. */
  readonly needsWatch: boolean;
  /** A call begins. Throws when its limit cannot be set: nothing may run then. */
  startCall(growthBytesMax: number): void;
  /** Most that was in use since `startCall`, beyond what was there; null where it cannot be told. */
  peakGrowthBytes(): number | null;
}

/** Resident memory, looked at from time to time: for hosts where no memory cgroup can be had. */
export class WatchedMemory implements WorkerMemory {
  readonly needsWatch = true;
  readonly #readings: ProcessReadings;
  #atStart: number | null = null;
  #peak = 0;

  constructor(readings: ProcessReadings) {
    this.#readings = readings;
  }

  startCall(_growthBytesMax: number): void {
    this.#atStart = this.#readings.residentBytes();
    this.#peak = 0;
  }

  peakGrowthBytes(): number | null {
    if (this.#atStart === null) return null;
    this.#peak = Math.max(this.#peak, (this.#readings.residentBytes() ?? 0) - this.#atStart);
    return this.#peak;
  }
}
