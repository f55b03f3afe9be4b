import type { JsonObject, JsonValue } from './json.ts';
import type { Limits } from './limits.ts';

/** How one rule fared while a call was decided. */
export interface TraceEntry {
  readonly policy: string;
  readonly rule: string;
  readonly effect: 'allow' | 'deny' | 'limit';
  readonly matched: boolean;
  /** Why it did or did not match, in words that an operator understands. */
  readonly reason: string;
}

/** A permitted call close to a denied one, found from argument bounds of rules that the caller may know. */
export interface NearestCall {
  readonly args: JsonObject;
  readonly changes: readonly {
    readonly pointer: string;
    readonly allowed: string;
    readonly suggested: JsonValue;
  }[];
  readonly text: string;
}

/** A quota that this call draws on: one counter is `policy/name/key`. */
export interface QuotaDraw {
  readonly policy: string;
  readonly name: string;
  readonly key: string;
  readonly unit: 'calls' | 'concurrent';
  readonly limit: number;
  /** Window in milliseconds; 0 for `concurrent`. */
  readonly windowMs: number;
}

/** What policy says of one call. A value, never an exception. */
export interface Decision {
  readonly effect: 'allow' | 'deny';
  /** The rule that decided, first by policy name and rule index; null when nothing matched (default deny). */
  readonly policy: string | null;
  readonly rule: string | null;
  /** `policy/rule` of every rule that matched. */
  readonly matched: readonly string[];
  readonly revision: string;
  /** Effective limits after narrowing by policy (not yet by the request). */
  readonly limits: Limits;
  /** Names of the Boundary profiles that apply, strictest action for each detector wins. */
  readonly boundary: readonly string[];
  /** For a denial: what the rules say about it, fit for the caller. */
  readonly reasons: readonly string[];
  readonly nearest: NearestCall | null;
  readonly quotas: readonly QuotaDraw[];
  readonly trace: readonly TraceEntry[];
}
