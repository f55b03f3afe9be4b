/** Whether this process has more to do than it can: then new work is turned away at once, before it costs anything. */

const lookEveryMs = 100;
/** How late a look must come. A pause for garbage, or one long answer, is over before the next look. */
const lateMsMin = 250;
/** How many looks in a row must be late. */
const lateLooksMin = 3;
/** It is this process that is busy: where others keep the host busy, turning calls away would not help. */
const ownShareMin = 0.25;

export interface LoopClock {
  /** Milliseconds that only go forward. */
  now(): number;
  /** Processor time of this thread, milliseconds. */
  cpuMs(): number;
}

const loopClock: LoopClock = {
  now: () => performance.now(),
  cpuMs() {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  },
};

export class LoopLag implements Disposable {
  readonly #clock: LoopClock;
  readonly #timer: NodeJS.Timeout;
  #last: { readonly nowMs: number; readonly cpuMs: number };
  #lateLooks = 0;

  constructor(clock: LoopClock = loopClock) {
    this.#clock = clock;
    this.#last = { nowMs: clock.now(), cpuMs: clock.cpuMs() };
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
  }

  look(): void {
    const last = this.#last;
    const [nowMs, cpuMs] = [this.#clock.now(), this.#clock.cpuMs()];
    this.#last = { nowMs, cpuMs };
    const passedMs = nowMs - last.nowMs;
    const isLate = passedMs >= lookEveryMs + lateMsMin && cpuMs - last.cpuMs >= ownShareMin * passedMs;
    this.#lateLooks = isLate ? this.#lateLooks + 1 : 0;
  }

  /** The event loop has been behind for some time now. */
  get isBehind(): boolean {
    return this.#lateLooks >= lateLooksMin;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
