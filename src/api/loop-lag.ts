/** Whether this process has more to do than it can: then new work is turned away at once, before it costs anything. */

const lookEveryMs = 100;
/** How late a look must come. A pause for garbage, or one long answer, is over before the next look. */
const lateMsMin = 250;
/** How many looks in a row must be late. */
const lateLooksMin = 3;

export class LoopLag implements Disposable {
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #lastLookMs: number;
  #lateLooks = 0;

  /** `now`: milliseconds that only go forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lastLookMs = now();
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
  }

  look(): void {
    const nowMs = this.#now();
    const isLate = nowMs - this.#lastLookMs >= lookEveryMs + lateMsMin;
    this.#lateLooks = isLate ? this.#lateLooks + 1 : 0;
    this.#lastLookMs = nowMs;
  }

  /** The event loop has been behind for some time now. */
  get isBehind(): boolean {
    return this.#lateLooks >= lateLooksMin;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
