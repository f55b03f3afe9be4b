/**
 * Idle containers of one shape, and the calls that wait for one. Starts nothing itself: `WarmPools` does, for all
 * pools, and says here what came of it.
 */
import type { WarmPolicy } from '../../../model/tool.ts';
import { TenantShares } from '../../tenant-shares.ts';
import { warmLifetimeMs } from '../limits.ts';
import { Demand } from './demand.ts';

/** A container whose harness waits for its one request. */
export interface IdleSandbox extends AsyncDisposable {
  /** False once its stream has ended or it has spoken out of turn. */
  readonly isIdle: boolean;
  /** Settles when it stops being idle without having been claimed. Never rejects. */
  readonly spoiled: Promise<void>;
  /** What it holds now, bytes. */
  memoryBytes(): Promise<number>;
  /** Asks the engine: false when it says that the container does not run, null when it says nothing. */
  isRunning(): Promise<boolean | null>;
}

export interface Member<S> {
  readonly sandbox: S;
  readonly sinceMs: number;
  /** While idle, bytes. */
  readonly memoryBytes: number;
}

export interface StartUnderWay {
  /** Began ahead of need. */
  readonly isRefill: boolean;
  /** A call waits for it. */
  readonly hurry: () => void;
}

interface Waiter<S> {
  readonly tenant: string;
  readonly resolve: (sandbox: S) => void;
  readonly reject: (error: Error) => void;
}

/** Counted since the runner started. */
export interface PoolCounts {
  hits: number;
  misses: number;
  /** Idle ones that died or spoke out of turn. */
  spoiled: number;
  /** Containers that were made ahead of need, and how long that took altogether. */
  refills: number;
  refillMs: number;
}

export class WarmPool<S extends IdleSandbox> {
  readonly counts: PoolCounts = { hits: 0, misses: 0, spoiled: 0, refills: 0, refillMs: 0 };
  readonly starts = new Set<StartUnderWay>();
  /** A refill failed or an idle one was spoiled: no refill until the next look around, or a start that works. */
  isResting = false;
  readonly #policy: WarmPolicy;
  readonly #demand: Demand;
  readonly #shares = new TenantShares();
  /** Oldest first: they are taken first, so that none grows old. */
  readonly #idle: Member<S>[] = [];
  readonly #waiting: Waiter<S>[] = [];
  /** Of one start, smoothed, milliseconds. */
  #startMs = 500;

  constructor(policy: WarmPolicy) {
    this.#policy = policy;
    this.#demand = new Demand(policy);
  }

  get starting(): number {
    return this.starts.size;
  }
  /** Of these, how many are ahead of need. */
  get refilling(): number {
    return [...this.starts].filter(({ isRefill }) => isRefill).length;
  }
  get size(): number {
    return this.#idle.length;
  }
  /** As of now: a copy. */
  get members(): readonly Member<S>[] {
    return [...this.#idle];
  }
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Calls that wait, but for those of tenants far ahead of others for whom it has to be filled first. */
  pressingCount(nowMs: number): number {
    const ahead = this.size + this.refilling;
    const isPressing = ({ tenant }: Waiter<S>): boolean =>
      !this.#shares.isFarAhead(tenant, nowMs) || ahead >= this.#shares.keptFrom(tenant, nowMs);
    return this.#waiting.filter(isPressing).length;
  }

  get memoryBytes(): number {
    return this.#idle.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }
  /** What one more would hold, by those that are there; null as long as none is. */
  get memoryBytesEach(): number | null {
    return this.size === 0 ? null : this.memoryBytes / this.size;
  }

  target(nowMs: number): number {
    const wanted = this.#demand.target(nowMs);
    // One more where tenants share: the last is kept for whoever had fewer.
    const shared = wanted > 0 && this.#shares.tenantCount(nowMs) > 1 ? 1 : 0;
    return Math.min(this.#policy.ceiling, wanted + shared);
  }

  /** Notes a call and gives it an idle container if there is one for it. Calls nobody. */
  claim(tenant: string, nowMs: number): S | null {
    this.#demand.note(nowMs, this.#startMs);
    const isKept = this.size <= this.#shares.keptFrom(tenant, nowMs);
    this.#shares.note(tenant, nowMs);
    // A spoiled one stays for whoever watches it to take it out.
    const member = isKept ? undefined : this.#idle.find(({ sandbox }) => sandbox.isIdle);
    if (member === undefined) {
      this.counts.misses++;
      return null;
    }
    this.remove(member.sandbox);
    this.counts.hits++;
    return member.sandbox;
  }

  /** Waits for a container that is started. Rejects with the start's error, or the signal's reason. */
  async wait(tenant: string, signal: AbortSignal): Promise<S> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<S>();
    const waiter: Waiter<S> = { tenant, resolve, reject };
    this.#waiting.push(waiter);
    const onAbort = (): void => {
      const index = this.#waiting.indexOf(waiter);
      if (index !== -1) this.#waiting.splice(index, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * A start worked: to the tenant that waits and had the fewest, or kept. One that was made ahead of need stays where a
   * call may not have it before others. False: nobody wants it.
   */
  accept(member: Member<S>, isRefill: boolean, startMs: number, nowMs: number): boolean {
    this.#startMs += (startMs - this.#startMs) / 4;
    this.isResting = false;
    const mayStay = this.size < this.target(nowMs) && member.sandbox.isIdle;
    const isForOthers = isRefill && mayStay && this.pressingCount(nowMs) === 0;
    const waiter = isForOthers ? null : this.#nextWaiter(nowMs);
    if (waiter !== null) waiter.resolve(member.sandbox);
    else if (mayStay) this.#idle.push(member);
    else return false;
    return true;
  }

  /** A start failed. Tells a call that waits, unless as many starts as there are waiting calls go on. */
  fail(error: Error, nowMs: number): void {
    if (this.#waiting.length > this.starting) this.#nextWaiter(nowMs)?.reject(error);
    this.isResting = true;
  }

  /** Takes out what has grown old or is more than is wanted; the caller discards them. */
  shed(nowMs: number): Member<S>[] {
    const target = this.target(nowMs);
    const young = this.#idle.filter(({ sinceMs }) => nowMs - sinceMs < warmLifetimeMs);
    const keeps = target === 0 ? [] : young.slice(-target);
    const shed = this.#idle.filter((member) => !keeps.includes(member));
    this.#idle.splice(0, this.#idle.length, ...keeps);
    return shed;
  }

  /** Takes one out; false when it is not there any more. */
  remove(sandbox: S): boolean {
    const index = this.#idle.findIndex((member) => member.sandbox === sandbox);
    if (index === -1) return false;
    this.#idle.splice(index, 1);
    return true;
  }

  #nextWaiter(nowMs: number): Waiter<S> | null {
    let next: Waiter<S> | null = null;
    let fewest = Infinity;
    for (const waiter of this.#waiting) {
      const count = this.#shares.countOf(waiter.tenant, nowMs);
      if (count < fewest) [next, fewest] = [waiter, count];
    }
    if (next !== null) this.#waiting.splice(this.#waiting.indexOf(next), 1);
    return next;
  }
}
