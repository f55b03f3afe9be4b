/**
 * Whether the other side of a link still runs. A process that is stopped, swapped out or stuck keeps its socket
 * open for ever; a call that waits for it would never end.
 */

/** How often the other side is asked. */
const pingMs = 2000;
/** How many questions may go without an answer. Long enough for a collection of a big heap or a busy machine. */
const missesMax = 5;
/** The same until its first word: a process that is being started on a busy machine takes a while to speak. */
const firstMissesMax = 30;

export interface LivenessOptions {
  readonly ping: () => void;
  readonly onSilent: (reason: string) => void;
}

export class Liveness implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #misses = 0;
  #missesMax = firstMissesMax;

  constructor({ ping, onSilent }: LivenessOptions) {
    this.#timer = setInterval(() => {
      if (this.#misses >= this.#missesMax) {
        this[Symbol.dispose]();
        onSilent(`it has not answered for ${(this.#misses * pingMs) / 1000} s`);
        return;
      }
      this.#misses += 1;
      ping();
    }, pingMs);
    this.#timer.unref();
  }

  /** Anything at all came from the other side. */
  heard(): void {
    this.#misses = 0;
    this.#missesMax = missesMax;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
