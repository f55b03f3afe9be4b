/** How long whoever starts a process or opens a link anew waits after it ended: each time twice as long. */

const msMin = 100;
const msMax = 10_000;
/** One that served this long was healthy: the pauses start anew. */
const stableAfterMs = 30_000;

export class RestartPause {
  #ms = msMin;

  /** One ended that had lived so long. */
  ended(livedMs: number): void {
    if (livedMs >= stableAfterMs) this.#ms = msMin;
  }

  /** The pause before the next start, milliseconds; the one after it is longer. */
  next(): number {
    const ms = this.#ms;
    this.#ms = Math.min(2 * ms, msMax);
    return ms;
  }
}
