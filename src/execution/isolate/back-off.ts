/** Growing pauses after failures in a row: for workers that do not start, and for tenants whose calls get workers killed. */

export interface BackOffSchedule {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Failures in a row that are free. */
  readonly allowance: number;
  /** Successes that make up for one failure; all failures when missing. */
  readonly successesPerFailure?: number;
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

  /** Failures in a row, or as many as successes have not made up for. */
  get failures(): number {
    return this.#failures;
  }
  /** More failures than are free. */
  get isFailing(): boolean {
    return this.#failures > this.#schedule.allowance;
  }
  /** Milliseconds still to wait; 0 when there is nothing to wait for. */
  get remainingMs(): number {
    return Math.max(0, this.#untilMs - this.#now());
  }

  fail(): void {
    this.#failures += 1;
    if (!this.isFailing) return;
    const counted = this.#failures - this.#schedule.allowance;
    this.#untilMs =
      this.#now() +
      Math.min(
        this.#schedule.longestMs,
        this.#schedule.firstMs * 2 ** Math.min(Math.max(counted - 1, 0), 20),
      );
  }

  succeed(): void {
    const { successesPerFailure } = this.#schedule;
    this.#failures =
      successesPerFailure === undefined ? 0 : Math.max(0, this.#failures - 1 / successesPerFailure);
    if (this.#failures === 0) this.#untilMs = 0;
  }
}
