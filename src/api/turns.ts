/**
 * Whose request is begun next. The loop of this process is one for all tenants, and a request may take it for many
 * milliseconds: a tenant that sends many waits behind its own, and while others are there it may take no more than its
 * part of the time. Requests begin between two looks at the sockets, so that no burst is worked off in one go.
 */

export interface TurnLimits {
  /** Requests of one tenant that wait for their turn. */
  readonly tenantWaitingMax: number;
  /** Begun between two looks at the sockets: so many, and no more once they took so long, milliseconds. */
  readonly burstMax: number;
  readonly burstMsMax: number;
  /** Of the time, how much one tenant's beginnings may take while others are there. */
  readonly share: number;
  /** What a beginning takes beyond this is charged more than once: n times as long beyond it, n times more, milliseconds. */
  readonly pieceMs: number;
  /** What a tenant may take beyond that at once, and the most that it is charged with, milliseconds: a pause that was nobody's doing ends. */
  readonly creditMsMax: number;
  /** A tenant is there for so long after its latest request, milliseconds. */
  readonly presentMs: number;
  /**
   * While connections come in, the turns of tenants that were there before, with fewer waiting than this, are all that begins:
   * for so long in each window, then for as long as turns take, milliseconds.
   */
  readonly steadyWaitingMax: number;
  readonly arrivalsMsMax: number;
  readonly arrivalsWindowMs: number;
}

export const turnLimits: TurnLimits = {
  tenantWaitingMax: 512,
  burstMax: 16,
  burstMsMax: 4,
  // What follows the beginning, up to the answer, takes about as long again.
  share: 0.25,
  pieceMs: 1,
  creditMsMax: 25,
  presentMs: 1000,
  steadyWaitingMax: 4,
  arrivalsMsMax: 250,
  arrivalsWindowMs: 2500,
};

interface Tenant {
  readonly name: string;
  readonly waiting: (() => void)[];
  /** Virtual time (start-time fair queueing): what it took so far, not less than whoever was last in turn. */
  tookMs: number;
  creditMs: number;
  creditedAtMs: number;
  seenAtMs: number;
  /** Since when it was never away for long. */
  sinceMs: number;
}

/** Tenants beyond which those that are not there any more are forgotten. */
const tenantsKept = 256;

export class Turns {
  readonly #limits: TurnLimits;
  readonly #now: () => number;
  readonly #tenants = new Map<string, Tenant>();
  #waitingCount = 0;
  #virtualMs = 0;
  #isScheduled = false;
  #timer: NodeJS.Timeout | null = null;
  /** A connection came since the last look at the sockets. */
  #hasArrival = false;
  /** How long beginnings were put off in the window so far, and how long they may be beyond that before the next burst. */
  #putOff = { ms: 0, sinceMs: -Infinity };
  #owedMs = 0;
  /** Whose request began last, when, and what of it is not yet counted. */
  #begun: { readonly tenant: Tenant; readonly atMs: number } | null = null;

  /** `now`: milliseconds, monotonic. */
  constructor(limits: TurnLimits = turnLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  /**
   * Calls `begin` when it is the tenant's turn: soon, but never at once. False, and nothing comes of it, when the tenant
   * has as many waiting as it may. Disposing what it returns gives the place up.
   */
  take(name: string, begin: () => void): Disposable | null {
    const tenant = this.#tenantOf(name);
    if (tenant.waiting.length >= this.#limits.tenantWaitingMax) return null;
    tenant.waiting.push(begin);
    this.#waitingCount += 1;
    this.#schedule();
    return {
      [Symbol.dispose]: () => {
        const at = tenant.waiting.indexOf(begin);
        if (at === -1) return;
        tenant.waiting.splice(at, 1);
        this.#waitingCount -= 1;
      },
    };
  }

  /**
   * A connection came. One is accepted between two looks at the sockets, however many wait (libuv, `uv__server_io`):
   * behind a burst of them each later one would wait for as many bursts of turns.
   */
  arrived(): void {
    this.#hasArrival = true;
  }

  #tenantOf(name: string): Tenant {
    const nowMs = this.#now();
    const known = this.#tenants.get(name);
    if (known !== undefined) {
      if (nowMs - known.seenAtMs > this.#limits.presentMs) known.sinceMs = nowMs;
      known.seenAtMs = nowMs;
      return known;
    }
    if (this.#tenants.size >= tenantsKept) this.#forget(nowMs);
    const { creditMsMax: creditMs } = this.#limits;
    const tenant = {
      name,
      waiting: [],
      tookMs: 0,
      creditMs,
      creditedAtMs: nowMs,
      seenAtMs: nowMs,
      sinceMs: nowMs,
    };
    this.#tenants.set(name, tenant);
    return tenant;
  }

  #forget(nowMs: number): void {
    for (const [name, { seenAtMs, waiting }] of this.#tenants) {
      if (waiting.length === 0 && nowMs - seenAtMs > this.#limits.presentMs) this.#tenants.delete(name);
    }
  }

  /**
   * Immediates of one round run one after the other, and what each began has gone as far as it goes without waiting when
   * the next one runs: that is how its time is measured.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#waitingCount === 0) return;
    this.#isScheduled = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const scheduledAtMs = this.#now();
    let isPutOff = false;
    const count = Math.min(this.#waitingCount, this.#limits.burstMax);
    let startedAtMs: number | null = null;
    for (let turn = 0; turn < count; turn += 1) {
      setImmediate(() => {
        const nowMs = this.#now();
        this.#charge(nowMs);
        if (startedAtMs === null) isPutOff = this.#isPutOff(scheduledAtMs, nowMs);
        startedAtMs ??= nowMs;
        if (nowMs - startedAtMs < this.#limits.burstMsMax) this.#beginNext(nowMs, isPutOff);
      });
    }
    setImmediate(() => {
      const nowMs = this.#now();
      this.#charge(nowMs);
      if (!isPutOff) this.#owedMs = nowMs - (startedAtMs ?? nowMs);
      this.#isScheduled = false;
      const restMs = this.#restMs(nowMs);
      if (restMs === 0) this.#schedule();
      else if (restMs !== null) this.#timer = setTimeout(() => this.#schedule(), restMs);
    });
  }

  /** Whether connections come in, and there is time left for them in this window. */
  #isPutOff(sinceMs: number, nowMs: number): boolean {
    const { arrivalsMsMax, arrivalsWindowMs } = this.#limits;
    const hasArrival = this.#hasArrival;
    this.#hasArrival = false;
    if (nowMs - this.#putOff.sinceMs >= arrivalsWindowMs) this.#putOff = { ms: 0, sinceMs: nowMs };
    if (!hasArrival) return false;
    const ms = nowMs - sinceMs;
    if (this.#putOff.ms < arrivalsMsMax) this.#putOff.ms += ms;
    else if (this.#owedMs > 0) this.#owedMs -= ms;
    else return false;
    return true;
  }

  #beginNext(nowMs: number, ofSteady: boolean): void {
    let next: Tenant | null = null;
    for (const tenant of this.#tenants.values()) {
      if (tenant.waiting.length === 0 || this.#restOf(tenant, nowMs) > 0) continue;
      if (ofSteady && !this.#isSteady(tenant)) continue;
      if (next === null || tenant.tookMs < next.tookMs) next = tenant;
    }
    const begin = next?.waiting.shift();
    if (next === null || begin === undefined) return;
    this.#waitingCount -= 1;
    // Nobody saves up turns by not taking them.
    next.tookMs = Math.max(next.tookMs, this.#virtualMs);
    this.#virtualMs = next.tookMs;
    this.#begun = { tenant: next, atMs: nowMs };
    begin();
  }

  /** It was there before the connections that come in, and asks for little. */
  #isSteady({ sinceMs, waiting }: Tenant): boolean {
    return sinceMs < this.#putOff.sinceMs && waiting.length < this.#limits.steadyWaitingMax;
  }

  /** What takes long in one piece keeps all others waiting for as long: it is charged for that too. */
  #charge(nowMs: number): void {
    if (this.#begun === null) return;
    const { tenant, atMs } = this.#begun;
    this.#begun = null;
    const tookMs = nowMs - atMs;
    const { pieceMs } = this.#limits;
    const ms = tookMs + Math.max(0, tookMs - pieceMs) ** 2 / pieceMs;
    tenant.tookMs += ms;
    tenant.creditMs = Math.max(this.#creditOf(tenant, nowMs) - ms, -this.#limits.creditMsMax);
    tenant.creditedAtMs = nowMs;
  }

  #creditOf({ creditMs, creditedAtMs }: Tenant, nowMs: number): number {
    const { creditMsMax, share } = this.#limits;
    return Math.min(creditMsMax, creditMs + (nowMs - creditedAtMs) * share);
  }

  /** How long the tenant has to leave the loop to others, milliseconds. */
  #restOf(tenant: Tenant, nowMs: number): number {
    const creditMs = this.#creditOf(tenant, nowMs);
    return creditMs >= 0 || this.#isAlone(tenant, nowMs) ? 0 : -creditMs / this.#limits.share;
  }

  #isAlone(tenant: Tenant, nowMs: number): boolean {
    for (const other of this.#tenants.values()) {
      if (other !== tenant && nowMs - other.seenAtMs < this.#limits.presentMs) return false;
    }
    return true;
  }

  /** Until the first of those who wait may begin, milliseconds; null: nobody waits. */
  #restMs(nowMs: number): number | null {
    let leastMs: number | null = null;
    for (const tenant of this.#tenants.values()) {
      if (tenant.waiting.length > 0) leastMs = Math.min(leastMs ?? Infinity, this.#restOf(tenant, nowMs));
    }
    return leastMs;
  }
}
