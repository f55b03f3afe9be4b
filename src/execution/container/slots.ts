/** How many calls run at once, and whose turn is next: tenants take turns, calls of one tenant keep their order. */
import { NotStarted } from '../executor.ts';

interface Waiter {
  readonly start: () => void;
}

export class Slots {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  /** Tenants in the order of their turns; a tenant without waiting calls is not listed. */
  readonly #waiting = new Map<string, Waiter[]>();
  #waitingCount = 0;
  #running = 0;

  constructor(limits: { readonly runningMax: number; readonly waitingMax: number }) {
    this.#runningMax = limits.runningMax;
    this.#waitingMax = limits.waitingMax;
  }

  /** Waits for a slot. Throws NotStarted (`overloaded`) when too many wait, the signal's reason when aborted. */
  async take(tenant: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#running < this.#runningMax) return this.#occupy();
    if (this.#waitingCount >= this.#waitingMax) {
      throw new NotStarted(
        'overloaded',
        `${this.#waitingMax} calls wait for a container already: try again later`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { start: resolve };
    const onAbort = (): void => {
      this.#withdraw(tenant, waiter);
      reject(signal.reason);
    };
    this.#enqueue(tenant, waiter);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    return this.#release();
  }

  #occupy(): Disposable {
    this.#running++;
    return this.#release();
  }

  #release(): Disposable {
    let isReleased = false;
    return {
      [Symbol.dispose]: () => {
        if (isReleased) return;
        isReleased = true;
        // The slot goes straight to the next in turn, so that nobody can slip in between.
        if (!this.#startNext()) this.#running--;
      },
    };
  }

  #enqueue(tenant: string, waiter: Waiter): void {
    const queue = this.#waiting.get(tenant);
    if (queue === undefined) this.#waiting.set(tenant, [waiter]);
    else queue.push(waiter);
    this.#waitingCount++;
  }

  #withdraw(tenant: string, waiter: Waiter): void {
    const queue = this.#waiting.get(tenant) ?? [];
    const index = queue.indexOf(waiter);
    if (index === -1) return;
    queue.splice(index, 1);
    this.#waitingCount--;
    if (queue.length === 0) this.#waiting.delete(tenant);
  }

  #startNext(): boolean {
    for (const [tenant, queue] of this.#waiting) {
      const waiter = queue.shift();
      this.#waiting.delete(tenant);
      if (queue.length > 0) this.#waiting.set(tenant, queue);
      if (waiter === undefined) continue;
      this.#waitingCount--;
      waiter.start();
      return true;
    }
    return false;
  }
}
