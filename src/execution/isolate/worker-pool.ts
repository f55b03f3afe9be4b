/**
 * Worker processes, ready before they are asked for. One call in flight a process; as many at once as there are
 * cores to run them; a process that served one owner goes to another only as the tools' `reuse` allows.
 */
import { NotStarted } from '../executor.ts';
import type { WorkersReport } from '../executor.ts';
import { BackOff } from './back-off.ts';
import type { LaunchedWorker, WorkerPace } from './confinement.ts';
import type { Logger } from './logger.ts';
import type { Owner } from './ownership.ts';
import { poolLimits } from './pool-limits.ts';
import { PoolMember } from './pool-member.ts';
import { spareLead } from '../call-turn.ts';
import { TenantShares } from '../tenant-shares.ts';
import { TenantQueue } from './tenant-queue.ts';
import { WorkerProcess } from './worker-process.ts';
import type { WorkerExit } from './worker-process.ts';

export interface WorkerPoolOptions {
  /** Calls at the same time, and one more for each tenant of which none runs. Up to twice as many processes are kept. */
  readonly size: number;
  readonly launch: () => LaunchedWorker;
  /** Unbounded when missing. */
  readonly pace?: WorkerPace;
  /** Default: as in `pool-limits.ts`. */
  readonly callsPerWorkerMax?: number;
  readonly logger: Logger;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** A worker for one call. */
export interface Lease {
  readonly worker: WorkerProcess;
  /** Whether it stood ready when it was asked for. */
  readonly warm: boolean;
  /** The call has ended, or never began. */
  release(end: { readonly wasKilled: boolean }): void;
}

interface Waiter {
  readonly tenant: string;
  readonly isPatient: boolean;
  readonly owner: Owner;
  readonly settle: (outcome: Lease | NotStarted) => void;
  warm: boolean;
}

export class WorkerPool implements AsyncDisposable {
  readonly #options: WorkerPoolOptions;
  readonly #processesMax: number;
  /** Least recently used first. */
  readonly #members = new Set<PoolMember>();
  readonly #queue = new TenantQueue<Waiter>(poolLimits.queue);
  /** Of the processor, milliseconds. */
  readonly #shares = new TenantShares(spareLead);
  readonly #startBackOff: BackOff;
  readonly #tenantBackOffs = new Map<string, BackOff>();
  #retryTimer: NodeJS.Timeout | null = null;
  readonly #trimTimer = setInterval(() => this.#trim(), poolLimits.surplusIdleMsMax).unref();
  #lastStartFailure = '';
  #isDisposed = false;
  readonly #counts = { hits: 0, misses: 0, starts: 0, startMs: 0 };

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#processesMax = 2 * options.size + poolLimits.tenantProcessesMax;
    this.#startBackOff = new BackOff(poolLimits.startBackOff, options.now);
    this.#replenish();
  }

  /** Why no call can be served now; null when all is well. */
  get downReason(): string | null {
    if (this.#isDisposed) return 'the isolate pool is shut down';
    if (this.#startBackOff.failures < poolLimits.startFailuresMax) return null;
    return `isolate workers do not start (${this.#lastStartFailure})`;
  }

  report(): WorkersReport {
    const members = [...this.#members];
    return {
      starting: members.filter(({ hasStarted }) => !hasStarted).length,
      idle: members.filter(({ isIdle }) => isIdle).length,
      busy: members.filter(({ isLeased }) => isLeased).length,
      waiting: this.#queue.length,
      ...this.#counts,
    };
  }

  /** A worker for one call of `owner`. Throws `NotStarted`: queue full, waited too long, aborted, pool down. */
  async acquire(owner: Owner, signal: AbortSignal, isPatient = false): Promise<Lease> {
    if (this.downReason !== null) throw new NotStarted('runtime_unavailable', this.downReason);
    const { promise, resolve } = Promise.withResolvers<Lease | NotStarted>();
    const waiter: Waiter = { tenant: owner.tenant, isPatient, owner, settle: resolve, warm: true };
    const giveUp = (why: string): void => this.#refuse(waiter, new NotStarted('overloaded', why));
    if (!this.#queue.push(waiter))
      throw new NotStarted('overloaded', 'too many isolate calls wait; retry later');
    const onAbort = (): void => giveUp('the call was cancelled while it waited for an isolate worker');
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => giveUp('no isolate worker became free in time; retry later'),
      isPatient ? poolLimits.patientQueueMsMax : poolLimits.queueMsMax,
    );
    this.#dispatch();
    waiter.warm = false;
    const outcome = await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    if (outcome instanceof NotStarted) throw outcome;
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    clearInterval(this.#trimTimer);
    this.#refuseAll(new NotStarted('runtime_unavailable', 'the isolate pool is shut down'));
    const members = [...this.#members];
    for (const member of members) member.retire();
    await Promise.all(members.map((member) => member.worker.exited));
  }

  /** Gives ready workers to waiting calls, tenant by tenant, then sees to it that more come. */
  #dispatch(): void {
    if (this.#isDisposed) return;
    let wasServed: boolean;
    do {
      wasServed = false;
      for (const waiter of this.#queue.heads()) {
        if (!this.#mayRun(waiter.tenant)) continue;
        const member = this.#pauseOf(waiter.tenant) > 0 ? undefined : this.#findFor(waiter.owner);
        if (member === undefined) continue;
        this.#lease(member, waiter);
        wasServed = true;
      }
    } while (wasServed);
    this.#replenish();
    this.#hurry();
    this.#wakeAfterPause();
  }

  /** What could serve a call that waits has not to wait for spare time itself. */
  #hurry(): void {
    for (const member of this.#members) if (this.#isAwaited(member)) member.worker.hurry();
  }

  /** By a call that it could serve; those of tenants far ahead have time. */
  #isAwaited(member: PoolMember | undefined): boolean {
    const nowMs = this.#options.now();
    return this.#queue
      .heads()
      .some(
        ({ owner, tenant }) => member?.couldServe(owner) === true && !this.#shares.isFarAhead(tenant, nowMs),
      );
  }

  /** A worker that served this owner before, else a fresh one. */
  #findFor(owner: Owner): PoolMember | undefined {
    const fitting = [...this.#members].filter((member) => member.isIdle && member.couldServe(owner));
    return fitting.find((member) => !member.isFresh) ?? fitting[0];
  }

  #lease(member: PoolMember, waiter: Waiter): void {
    this.#queue.remove(waiter, true);
    this.#counts[waiter.warm ? 'hits' : 'misses'] += 1;
    const nowMs = this.#options.now();
    this.#shares.note(waiter.tenant, nowMs, 0);
    member.worker.isBehind = this.#shares.isFarAhead(waiter.tenant, nowMs);
    member.lease(waiter.owner, nowMs);
    this.#members.delete(member);
    this.#members.add(member);
    waiter.settle({
      worker: member.worker,
      warm: waiter.warm,
      release: ({ wasKilled }) => this.#release(member, waiter.owner, wasKilled),
    });
  }

  #release(member: PoolMember, owner: Owner, wasKilled: boolean): void {
    if (wasKilled) this.#backOffOf(owner.tenant).fail();
    else this.#tenantBackOffs.delete(owner.tenant);
    if (wasKilled || owner.reuse === 'never') member.retire();
    else member.expectReady();
  }

  #onReady(worker: WorkerProcess): void {
    const member = this.#memberOf(worker);
    if (member === undefined) return;
    if (!member.hasStarted) {
      this.#startBackOff.succeed();
      this.#counts.starts += 1;
      this.#counts.startMs += this.#options.now() - member.launchedAtMs;
    }
    if (!member.becomeReady()) member.retire();
    this.#dispatch();
  }

  #onCpu(worker: WorkerProcess, ms: number): void {
    const tenant = this.#memberOf(worker)?.tenant ?? null;
    if (tenant === null) return;
    const nowMs = this.#options.now();
    this.#shares.note(tenant, nowMs, ms);
    worker.isBehind = this.#shares.isFarAhead(tenant, nowMs);
  }

  #onExit(worker: WorkerProcess, exit: WorkerExit): void {
    const member = this.#memberOf(worker);
    if (member === undefined) return;
    member.stopWaiting();
    this.#members.delete(member);
    if (!exit.wasOrdered) {
      const { detail, lastWords } = exit;
      this.#options.logger.warn({ pid: worker.pid, detail, lastWords }, 'an isolate worker ended by itself');
    }
    if (!member.isRetired && !member.hasStarted) this.#onStartFailure(exit);
    this.#dispatch();
  }

  #onStartFailure(exit: WorkerExit): void {
    this.#startBackOff.fail();
    this.#lastStartFailure = exit.detail;
    if (this.downReason === null) return;
    this.#options.logger.error({ reason: this.downReason, lastWords: exit.lastWords }, 'isolates are down');
    this.#refuseAll(new NotStarted('runtime_unavailable', this.downReason));
  }

  /**
   * Waiting calls that only a fresh worker can serve, as many as can run at once. They count even while others
   * take all the slots, or a tenant with a full queue would keep everyone else out.
   */
  #needFresh(): Waiter[] {
    const isFull = this.#leasedCount() >= this.#options.size;
    const serves = (member: PoolMember, { owner }: Waiter): boolean =>
      !member.isFresh && member.couldServe(owner) && (isFull || !member.isLeased);
    const members = [...this.#members];
    const waiting = this.#queue.heads().filter((waiter) => this.#pauseOf(waiter.tenant) === 0);
    const needed = waiting.filter((waiter) => !members.some((member) => serves(member, waiter)));
    return needed.slice(0, this.#options.size);
  }

  #replenish(): void {
    const needing = this.#needFresh();
    const needed = needing.length;
    const alive = [...this.#members].filter((member) => !member.isRetired);
    const wanted = Math.max(needed, poolLimits.sparesMin);
    let fresh = alive.filter((member) => member.isFresh).length;
    let total = this.#members.size;
    const startsMax = this.#options.pace?.startsMax ?? this.#processesMax;
    let starting = alive.filter((member) => !member.hasStarted).length;
    while ((fresh < wanted || total < this.#options.size) && total < this.#processesMax) {
      // The next one starts when one of these is ready or gone.
      if (this.#startBackOff.remainingMs > 0 || starting >= startsMax) return;
      this.#start();
      starting += 1;
      fresh += 1;
      total += 1;
    }
    const dying = this.#members.size - alive.length;
    for (const { tenant } of needing.slice(fresh + dying)) this.#makeRoomFor(tenant);
  }

  /**
   * An idle worker goes, of the tenant that has most: one of its own, or of one that has more than it; as many, where a
   * core is free. The least recently used of these.
   */
  #makeRoomFor(tenant: string): void {
    const alive = [...this.#members].filter((member) => !member.isRetired);
    const countOf = (of: string | null): number => alive.filter((member) => member.tenant === of).length;
    const fewest = countOf(tenant) + (this.#leasedCount() < this.#options.size ? 0 : 1);
    const idle = alive.filter(
      (member) =>
        member.isIdle && !member.isFresh && (member.tenant === tenant || countOf(member.tenant) >= fewest),
    );
    const most = Math.max(0, ...idle.map((member) => countOf(member.tenant)));
    idle.find((member) => countOf(member.tenant) === most)?.retire();
  }

  #start(): void {
    const worker = new WorkerProcess(this.#options.launch(), {
      onReady: (ready) => this.#onReady(ready),
      onCpu: (busy, ms) => this.#onCpu(busy, ms),
      onExit: (gone, exit) => this.#onExit(gone, exit),
      isWaitedFor: (ended) => this.#isAwaited(this.#memberOf(ended)),
    });
    const callsMax = this.#options.callsPerWorkerMax ?? poolLimits.callsPerWorkerMax;
    const lifetimeMs = this.#options.pace?.lifetimeMs ?? null;
    const launchedAtMs = this.#options.now();
    this.#members.add(new PoolMember(worker, { callsMax, lifetimeMs, launchedAtMs }));
  }

  /** What more than two a core is kept for tenants that call now. */
  #trim(): void {
    const since = this.#options.now() - poolLimits.surplusIdleMsMax;
    const unused = [...this.#members].filter((member) => member.isIdle && member.leasedAtMs < since);
    const surplus = this.#members.size - 2 * this.#options.size;
    for (const member of unused.slice(0, Math.max(0, surplus))) member.retire();
  }

  #leasedCount(): number {
    return [...this.#members].filter((member) => member.isLeased).length;
  }

  /** A tenant of which no call runs has not to wait for the long ones of others: the kernel shares out the cores. */
  #mayRun(tenant: string): boolean {
    const hasOwn = [...this.#members].some((member) => member.isLeased && member.tenant === tenant);
    return this.#leasedCount() < (hasOwn ? this.#options.size : this.#processesMax);
  }

  #memberOf(worker: WorkerProcess): PoolMember | undefined {
    return [...this.#members].find((member) => member.worker === worker);
  }

  #pauseOf(tenant: string): number {
    return this.#tenantBackOffs.get(tenant)?.remainingMs ?? 0;
  }

  #backOffOf(tenant: string): BackOff {
    const known = this.#tenantBackOffs.get(tenant);
    const backOff = known ?? new BackOff(poolLimits.tenantBackOff, this.#options.now);
    const [oldest] = this.#tenantBackOffs.keys();
    if (
      known === undefined &&
      oldest !== undefined &&
      this.#tenantBackOffs.size >= poolLimits.tenantBackOffsMax
    ) {
      this.#tenantBackOffs.delete(oldest);
    }
    this.#tenantBackOffs.set(tenant, backOff);
    return backOff;
  }

  /** Whatever waits for a pause to end, a tenant's or that of workers that do not start. */
  #wakeAfterPause(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    const pauses = this.#queue.heads().map((waiter) => this.#pauseOf(waiter.tenant));
    const pending = [...pauses, this.#startBackOff.remainingMs].filter((pauseMs) => pauseMs > 0);
    this.#retryTimer =
      pending.length === 0 ? null : setTimeout(() => this.#dispatch(), Math.min(...pending) + 1);
  }

  #refuse(waiter: Waiter, error: NotStarted): void {
    if (this.#queue.remove(waiter, false)) waiter.settle(error);
  }

  #refuseAll(error: NotStarted): void {
    while (this.#queue.length > 0) {
      for (const waiter of this.#queue.heads()) this.#refuse(waiter, error);
    }
  }
}
