/** Long work in slices: between two of them the event loop serves whoever waits. */
import { setImmediate } from 'node:timers/promises';

export class Slices {
  readonly #msMax: number;
  #endMs: number;

  /** `msMax`: how long the loop may wait for a slice; Infinity where nobody waits. One step of the work may take longer. */
  constructor(msMax: number) {
    this.#msMax = msMax;
    this.#endMs = performance.now() + msMax;
  }

  /** To be awaited where it is not null: this slice is over. */
  rest(): Promise<void> | null {
    return performance.now() < this.#endMs ? null : this.#next();
  }

  async #next(): Promise<void> {
    await setImmediate();
    this.#endMs = performance.now() + this.#msMax;
  }
}
