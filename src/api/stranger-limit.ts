/**
 * What somebody without a valid key may cost. From an address with many failures, only a few credentials a second that
 * nobody has shown before are looked up at all; those that opened the door lately go on as if nothing were.
 * Refusals leave at an even pace once there were a few, so that asking again at once is of no use.
 */
import { createHash } from 'node:crypto';

/** `lookUpsPerSecond` are counted anew after so long. */
export const lookUpWindowMs = 1000;

export interface StrangerLimits {
  /** From one address within the window; after that its unknown credentials are rationed. */
  readonly failuresMax: number;
  /** Of these, how many are answered at once. */
  readonly atOnceMax: number;
  readonly windowMs: number;
  /** Unknown credentials of such an address that are looked up, a second. */
  readonly lookUpsPerSecond: number;
  /** Between two refusals, of all addresses together, milliseconds. */
  readonly refusalMs: number;
}

interface Failures {
  count: number;
  untilMs: number;
  lookUps: number;
  lookUpsUntilMs: number;
}

/** Addresses that are counted apart; the rest are counted together. */
const addressesMax = 10_000;
const knownMax = 10_000;

export class StrangerLimit {
  readonly limits: StrangerLimits;
  readonly #now: () => number;
  readonly #failures = new Map<string, Failures>();
  /** Digests of credentials that opened the door, least recently used first. */
  readonly #known = new Set<string>();
  #nextRefusalMs = 0;

  /** `now`: milliseconds, monotonic. */
  constructor(limits: StrangerLimits, now: () => number = () => performance.now()) {
    this.limits = limits;
    this.#now = now;
  }

  /** Whether this credential may be looked up now. */
  mayLookUp(address: string, credential: string): boolean {
    const failures = this.#failures.get(this.#countedAs(address));
    const nowMs = this.#now();
    if (failures === undefined || failures.untilMs <= nowMs || failures.count < this.limits.failuresMax)
      return true;
    if (this.#known.has(digestOf(credential))) return true;
    if (failures.lookUpsUntilMs <= nowMs)
      [failures.lookUps, failures.lookUpsUntilMs] = [0, nowMs + lookUpWindowMs];
    failures.lookUps += 1;
    return failures.lookUps <= this.limits.lookUpsPerSecond;
  }

  succeeded(credential: string): void {
    const digest = digestOf(credential);
    this.#known.delete(digest);
    this.#known.add(digest);
    const [oldest] = this.#known;
    if (this.#known.size > knownMax && oldest !== undefined) this.#known.delete(oldest);
  }

  failed(address: string, credential: string): void {
    this.#known.delete(digestOf(credential));
    const nowMs = this.#now();
    const name = this.#countedAs(address);
    const failures = this.#failures.get(name);
    if (failures !== undefined && failures.untilMs > nowMs) {
      failures.count += 1;
      return;
    }
    if (this.#failures.size >= addressesMax) this.#forget(nowMs);
    const untilMs = nowMs + this.limits.windowMs;
    this.#failures.set(name, { count: 1, untilMs, lookUps: 0, lookUpsUntilMs: 0 });
  }

  /** Whether the refusal of one more failure from there waits for its turn to leave. */
  isPaced(address: string): boolean {
    const failures = this.#failures.get(this.#countedAs(address));
    return failures !== undefined && failures.untilMs > this.#now() && failures.count > this.limits.atOnceMax;
  }

  /** How long the next refusal waits for its turn to leave, milliseconds. */
  refusalDelayMs(): number {
    const nowMs = this.#now();
    const atMs = Math.max(nowMs, this.#nextRefusalMs);
    this.#nextRefusalMs = atMs + this.limits.refusalMs;
    return atMs - nowMs;
  }

  #countedAs(address: string): string {
    return this.#failures.has(address) || this.#failures.size < addressesMax ? address : 'others';
  }

  #forget(nowMs: number): void {
    for (const [address, { untilMs }] of this.#failures) if (untilMs <= nowMs) this.#failures.delete(address);
  }
}

/** Not the credential itself: it has no business in memory beyond its request. */
function digestOf(credential: string): string {
  return createHash('sha256').update(credential).digest('base64');
}
