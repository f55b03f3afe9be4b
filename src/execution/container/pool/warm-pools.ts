/**
 * All pools of one executor: hands out containers for one call each, and makes them, for calls that wait first and
 * ahead of need second. Every start goes through here, so that there is one bound on what the engine is asked to do.
 * An idle container has run nothing; a claimed one never comes back.
 */
import type { PoolReport } from '../../executor.ts';
import type { Image, WarmPolicy } from '../../../model/tool.ts';
import type { ContainerShape } from '../host-config.ts';
import { refillDelayMs, refillsMax, removalsMax, startsMax, warmContainersMax } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { WarmPool } from './warm-pool.ts';
import type { IdleSandbox, Member, StartUnderWay } from './warm-pool.ts';

/** Everything that a container is built from. Equal shapes are interchangeable until one of them has run a call. */
export interface SandboxShape extends ContainerShape {
  readonly image: Image;
  readonly imageId: string;
}

export interface StartWish {
  readonly signal: AbortSignal;
  /** Resolves when a call waits for it; until then it is made ahead of need. */
  readonly needed: Promise<void>;
}

export interface WarmPoolsOptions<S extends IdleSandbox> {
  /** A container whose harness waits. */
  readonly start: (shape: SandboxShape, wish: StartWish) => Promise<S>;
  /** Milliseconds, of the wall or not. */
  readonly clock: { now(): number };
  readonly logger: Logger;
  /** `startsMax` of `limits.ts` when missing. */
  readonly startsMax?: number;
}

interface OpenPool<S extends IdleSandbox> {
  readonly shape: SandboxShape;
  readonly pool: WarmPool<S>;
  readonly policy: WarmPolicy;
  /** False once policy no longer asks for it: nothing is made ahead of need then. */
  isKept: boolean;
}

/** For a shape that policy keeps nothing of. */
const cold: WarmPolicy = { floor: 0, ceiling: 0, memoryMiB: 0 };
const mebibyte = 1024 * 1024;

export class WarmPools<S extends IdleSandbox> implements AsyncDisposable {
  readonly #options: WarmPoolsOptions<S>;
  readonly #pools = new Map<string, OpenPool<S>>();
  readonly #closing = new AbortController();
  readonly #starts = new Set<Promise<void>>();
  readonly #removals = new Set<Promise<void>>();
  #refillTimer: NodeJS.Timeout | null = null;

  constructor(options: WarmPoolsOptions<S>) {
    this.#options = options;
  }

  /**
   * A container for one call. `isWarm`: it was waiting, and nothing was asked of the engine. Rejects with the start's
   * error, or the signal's reason. `keeps: null` for a call whose limits were narrowed: it never takes an idle one.
   */
  async acquire(
    shape: SandboxShape,
    keeps: WarmPolicy | null,
    tenant: string,
    signal: AbortSignal,
  ): Promise<{ readonly sandbox: S; readonly isWarm: boolean }> {
    signal.throwIfAborted();
    const { pool } = this.#open(shape, keeps);
    const idle = pool.claim(tenant, this.#now());
    if (idle !== null) {
      this.#refillSoon();
      return { sandbox: idle, isWarm: true };
    }
    const waiting = pool.wait(tenant, signal);
    this.#startWhatIsDue();
    if (pool.pressingCount(this.#now()) > 0) for (const { hurry } of pool.starts) hurry();
    return { sandbox: await waiting, isWarm: false };
  }

  /** Ends a container, used or not, after so long. Resolves when it is removed, as far as the engine answers. */
  async discard(sandbox: S, restMs = 0): Promise<void> {
    const removal = this.#remove(sandbox, restMs).finally(() => {
      this.#removals.delete(removal);
      this.#startWhatIsDue();
    });
    this.#removals.add(removal);
    await removal;
  }

  async #remove(sandbox: S, restMs: number): Promise<void> {
    if (restMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, restMs));
    await sandbox[Symbol.asyncDispose]();
  }

  /** The shapes of which policy keeps some. Others lose what they had; a floor is filled in the background. */
  keep(shapes: readonly { readonly shape: SandboxShape; readonly policy: WarmPolicy }[]): void {
    const kept = new Set(shapes.map(({ shape, policy }) => keyOf(shape, policy)));
    for (const [key, open] of this.#pools) {
      if (kept.has(key)) continue;
      open.isKept = false;
      this.#drain(open.pool);
      if (isUnused(open.pool)) this.#pools.delete(key);
    }
    for (const { shape, policy } of shapes) this.#open(shape, policy);
    this.#refillSoon();
  }

  /** A look around, off the path of calls: takes out the old, the surplus and the dead, and fills up again. */
  async tend(): Promise<void> {
    for (const { pool } of this.#pools.values()) {
      for (const { sandbox } of pool.shed(this.#now())) void this.discard(sandbox);
      for (const { sandbox } of pool.members) {
        if ((await sandbox.isRunning()) === false) this.#dropSpoiled(pool, sandbox);
      }
      pool.isResting = false;
    }
    this.#startWhatIsDue();
  }

  /** Pools of which policy keeps some. */
  report(): PoolReport[] {
    const nowMs = this.#now();
    return [...this.#pools.values()].flatMap(({ pool, policy, shape }) =>
      policy.ceiling === 0
        ? []
        : [
            {
              image: shape.image.name,
              engineRuntime: shape.engineRuntime,
              memoryMiB: shape.memoryMiB,
              size: pool.size,
              target: pool.target(nowMs),
              ...pool.counts,
            },
          ],
    );
  }

  /** Removes every idle container; starts that go on end first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the executor is closing'));
    if (this.#refillTimer !== null) clearTimeout(this.#refillTimer);
    while (this.#starts.size > 0) await Promise.all(this.#starts);
    for (const { pool } of this.#pools.values()) this.#drain(pool);
    while (this.#removals.size > 0) await Promise.all(this.#removals);
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #open(shape: SandboxShape, keeps: WarmPolicy | null): OpenPool<S> {
    const policy = keeps ?? cold;
    const key = keyOf(shape, policy);
    let open = this.#pools.get(key);
    if (open === undefined) {
      open = { shape, policy, pool: new WarmPool<S>(policy), isKept: true };
      this.#pools.set(key, open);
    }
    open.isKept = true;
    return open;
  }

  /** Once, a moment after the first claim: under a steady load it must not be put off for ever. */
  #refillSoon(): void {
    this.#refillTimer ??= setTimeout(() => {
      this.#refillTimer = null;
      this.#startWhatIsDue();
    }, refillDelayMs);
  }

  #startWhatIsDue(): void {
    while (!this.#closing.signal.aborted && this.#removals.size < removalsMax) {
      if (this.#starts.size >= (this.#options.startsMax ?? startsMax)) return;
      const called = this.#findCalled();
      // Its turn is over: calls that come without end for one image keep those for another waiting no longer than that.
      if (called !== undefined) this.#putLast(called);
      const due = called ?? [...this.#pools.values()].find((candidate) => this.#isRefillDue(candidate));
      if (due === undefined) return;
      this.#begin(due, called === undefined);
    }
  }

  /**
   * The pool with a call for which nothing starts yet. One of a tenant far ahead of others comes after what is kept for
   * those; a tenant that comes to nothing is not ahead for long.
   */
  #findCalled(): OpenPool<S> | undefined {
    const open = [...this.#pools.values()];
    const nowMs = this.#now();
    const pressed = open.find(({ pool }) => pool.pressingCount(nowMs) > pool.starting);
    if (pressed !== undefined || open.some((candidate) => this.#isRefillDue(candidate))) return pressed;
    return open.find(
      ({ pool }) => pool.waitingCount - pool.pressingCount(nowMs) > pool.starting - pool.refilling,
    );
  }

  #putLast(open: OpenPool<S>): void {
    const key = keyOf(open.shape, open.policy);
    this.#pools.delete(key);
    this.#pools.set(key, open);
  }

  #isRefillDue({ isKept, pool, policy, shape }: OpenPool<S>): boolean {
    if (!isKept || pool.isResting) return false;
    const open = [...this.#pools.values()];
    // Nothing is made ahead of need while a call waits: it would have to share the cores with it.
    if (open.some((other) => other.pool.pressingCount(this.#now()) > 0)) return false;
    const refilling = open.reduce((sum, other) => sum + other.pool.refilling, 0);
    const ahead = open.reduce((sum, other) => sum + other.pool.size + other.pool.refilling, 0);
    if (refilling >= refillsMax || ahead >= warmContainersMax) return false;
    if (pool.size + pool.starting >= pool.target(this.#now())) return false;
    const ofImage = open.filter((other) => other.shape.image.name === shape.image.name);
    const held = ofImage.reduce((sum, other) => sum + other.pool.memoryBytes, 0);
    const started = ofImage.reduce((sum, other) => sum + other.pool.refilling, 0);
    const each = pool.memoryBytesEach ?? unmeasuredBytes(shape);
    return held + (started + 1) * each <= policy.memoryMiB * mebibyte;
  }

  #begin(open: OpenPool<S>, isRefill: boolean): void {
    const { pool } = open;
    const { promise: needed, resolve: hurry } = Promise.withResolvers<void>();
    const underWay: StartUnderWay = { isRefill, hurry };
    pool.starts.add(underWay);
    if (pool.pressingCount(this.#now()) > 0) hurry();
    const start = this.#startOne(open, underWay, needed).finally(() => {
      this.#starts.delete(start);
      this.#startWhatIsDue();
    });
    this.#starts.add(start);
  }

  /** Never rejects. */
  async #startOne(open: OpenPool<S>, underWay: StartUnderWay, needed: Promise<void>): Promise<void> {
    const { pool, shape } = open;
    const { isRefill } = underWay;
    const beganMs = this.#now();
    let sandbox: S | null = null;
    let failure: Error | null = null;
    try {
      sandbox = await this.#options.start(shape, { signal: this.#closing.signal, needed });
    } catch (error) {
      failure =
        error instanceof Error ? error : new Error('a container could not be started', { cause: error });
    }
    const tookMs = this.#now() - beganMs;
    // A call that waits is not kept waiting for a measurement that only an idle one needs.
    const memoryBytes =
      sandbox !== null && pool.pressingCount(this.#now()) === 0 ? await sandbox.memoryBytes() : 0;
    const heldBytes = memoryBytes > 0 ? memoryBytes : unmeasuredBytes(shape);
    pool.starts.delete(underWay);
    if (sandbox === null) {
      pool.fail(failure ?? new Error('a container could not be started'), this.#now());
      if (isRefill && !this.#closing.signal.aborted) {
        this.#options.logger.warn(
          { err: failure, image: shape.image.name },
          'a container could not be kept warm',
        );
      }
      return;
    }
    if (isRefill) {
      pool.counts.refills++;
      pool.counts.refillMs += tookMs;
    }
    this.#place(open, { sandbox, sinceMs: this.#now(), memoryBytes: heldBytes }, isRefill, tookMs);
  }

  #place({ isKept, pool }: OpenPool<S>, member: Member<S>, isRefill: boolean, tookMs: number): void {
    const { sandbox } = member;
    const mayStay = !this.#closing.signal.aborted && (isKept || pool.waitingCount > 0);
    const isWanted = mayStay && pool.accept(member, isRefill, tookMs, this.#now());
    if (!isWanted) void this.discard(sandbox);
    else void sandbox.spoiled.then(() => this.#dropSpoiled(pool, sandbox));
  }

  /** Does nothing for one that was claimed meanwhile. */
  #dropSpoiled(pool: WarmPool<S>, sandbox: S): void {
    if (!pool.remove(sandbox)) return;
    pool.counts.spoiled++;
    pool.isResting = true;
    void this.discard(sandbox);
  }

  #drain(pool: WarmPool<S>): void {
    for (const { sandbox } of pool.members) {
      pool.remove(sandbox);
      void this.discard(sandbox);
    }
  }
}

/** What nobody has measured is taken for an eighth of its limit. */
function unmeasuredBytes({ memoryMiB }: SandboxShape): number {
  return (memoryMiB * mebibyte) / 8;
}

function isUnused(pool: Pick<WarmPool<IdleSandbox>, 'size' | 'starting' | 'waitingCount'>): boolean {
  return pool.size + pool.starting + pool.waitingCount === 0;
}

/** What is in it decides which calls may share containers: nothing of a request but its tool's shape. */
function keyOf(
  { image, imageId, engineRuntime, memoryMiB, cpus, pids }: SandboxShape,
  policy: WarmPolicy,
): string {
  const { floor, ceiling, memoryMiB: budgetMiB } = policy;
  return JSON.stringify([
    imageId,
    image.name,
    image.sessions?.lifetimeMs ?? 0,
    engineRuntime,
    memoryMiB,
    cpus,
    pids,
    floor,
    ceiling,
    budgetMiB,
  ]);
}
