/** A worker with what the pool knows of it. */
import { poolLimits } from './pool-limits.ts';
import { afterServing, mayServe } from './ownership.ts';
import type { Owner, Served } from './ownership.ts';
import type { WorkerProcess } from './worker-process.ts';

const bytesPerMiB = 1024 * 1024;

export interface MemberLimits {
  /** Calls after which it goes. */
  readonly callsMax: number;
  /** The age at which it goes, milliseconds: at once if it is idle then, else after its call. Null: it has none. */
  readonly lifetimeMs: number | null;
  /** Of the pool's clock. */
  readonly launchedAtMs: number;
}

export class PoolMember {
  readonly worker: WorkerProcess;
  readonly launchedAtMs: number;
  readonly #callsMax: number;
  #served: Served | null = null;
  #calls = 0;
  #isLeased = false;
  #leasedAtMs: number;
  #isRetired = false;
  #firstReadyBytes: number | null = null;
  #readyTimer: NodeJS.Timeout | null = null;
  readonly #lifeTimer: NodeJS.Timeout | null;
  #isOld = false;

  constructor(worker: WorkerProcess, { callsMax, lifetimeMs, launchedAtMs }: MemberLimits) {
    this.worker = worker;
    this.launchedAtMs = launchedAtMs;
    this.#leasedAtMs = launchedAtMs;
    this.#callsMax = callsMax;
    this.#lifeTimer = lifetimeMs === null ? null : setTimeout(() => this.#growOld(), lifetimeMs);
    void worker.exited.then(() => clearTimeout(this.#lifeTimer ?? undefined));
    this.expectReady();
  }

  get isFresh(): boolean {
    return this.#served === null;
  }
  /** The only one that it serves; null: it is fresh. */
  get tenant(): string | null {
    return this.#served?.tenant ?? null;
  }
  get isLeased(): boolean {
    return this.#isLeased;
  }
  /** Of the pool's clock: when its latest call began. */
  get leasedAtMs(): number {
    return this.#leasedAtMs;
  }
  get isRetired(): boolean {
    return this.#isRetired;
  }
  get isIdle(): boolean {
    return this.worker.state === 'ready' && !this.#isLeased && !this.#isRetired;
  }
  /** Came up at least once: an exit before that is a failure to start. */
  get hasStarted(): boolean {
    return this.#firstReadyBytes !== null;
  }

  /** May serve this owner, now or once it is idle. */
  couldServe(owner: Owner): boolean {
    return !this.#isRetired && mayServe(this.#served, owner);
  }

  lease(owner: Owner, nowMs: number): void {
    this.#leasedAtMs = nowMs;
    this.#served = afterServing(this.#served, owner);
    this.#calls += 1;
    this.#isLeased = true;
  }

  /** The call ended and the worker prepares the next isolate, unless its `ready` came first. */
  expectReady(): void {
    if (this.worker.state !== 'starting' && this.worker.state !== 'preparing') return;
    this.stopWaiting();
    this.#readyTimer = setTimeout(() => this.worker.kill(), poolLimits.readyMsMax);
  }

  /** False when the worker has served long enough and must go. */
  becomeReady(): boolean {
    this.stopWaiting();
    this.#isLeased = false;
    const bytes = this.worker.readings.residentBytes() ?? 0;
    this.#firstReadyBytes ??= bytes;
    const growthMiB = (bytes - this.#firstReadyBytes) / bytesPerMiB;
    return !this.#isOld && this.#calls < this.#callsMax && growthMiB <= poolLimits.idleGrowthMiBMax;
  }

  retire(): void {
    this.#isRetired = true;
    this.worker.kill();
  }

  #growOld(): void {
    this.#isOld = true;
    if (this.isIdle) this.retire();
  }

  stopWaiting(): void {
    if (this.#readyTimer !== null) clearTimeout(this.#readyTimer);
    this.#readyTimer = null;
  }
}
