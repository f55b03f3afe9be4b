/** Growing pauses after failures in a row: for workers that do not start, and for tenants whose calls get workers killed. */

export interface BackOffSchedule {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Failures in a row that are free. */
  readonly allowance: number;
}

export class BackOff {
  readonly #schedule: BackOffSchedule;
  readonly #now: () => number;
  #failures = 0;
  #untilMs = 0;

  constructor(schedule: BackOffSchedule, now: () => number) {
    this.#schedule = schedule;
    this.#now = now;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }
  /** Milliseconds still to wait; 0 when there is nothing to wait for. */
  get remainingMs(): number {
    return Math.max(0, this.#untilMs - this.#now());
  }

  fail(): void {
    this.#failures += 1;
    const counted = this.#failures - this.#schedule.allowance;
    if (counted <= 0) return;
    this.#untilMs =
      this.#now() +
      Math.min(this.#schedule.longestMs, this.#schedule.firstMs * 2 ** Math.min(counted - 1, 20));
  }

  succeed(): void {
    this.#failures = 0;
    this.#untilMs = 0;
  }
}
