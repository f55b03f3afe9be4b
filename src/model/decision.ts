import type { JsonObject, JsonValue } from './json.ts';
import type { Limits } from './limits.ts';

/** How one rule fared while a call was decided. */
export interface TraceEntry {
  readonly policy: string;
  readonly rule: string;
  readonly effect: 'allow' | 'deny' | 'require_approval' | 'limit';
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

/** What a quota counts. `amount` is what the policy says of each call, a CEL expression. */
export const quotaUnitNames = [
  'calls',
  'concurrent',
  'cpu_ms',
  'wall_ms',
  'output_bytes',
  'egress_bytes',
  'cost_usd',
  'tokens',
  'amount',
] as const;
export type QuotaUnit = (typeof quotaUnitNames)[number];

/** A quota that this call draws on: one counter is `policy/name/key`. */
export interface QuotaDraw {
  readonly policy: string;
  readonly name: string;
  readonly key: string;
  readonly unit: QuotaUnit;
  readonly limit: number;
  /** Window in milliseconds; 0 for `concurrent`. */
  readonly windowMs: number;
  /** What the call leases before it runs: the most that it can use, in units. */
  readonly amount: number;
  /** What is given while a shared store is lost: nothing, or what this process counts by itself. */
  readonly onStoreLoss: 'deny' | 'local';
  /** With the outcome of a call, for units that are measured: what it used. */
  readonly used?: number;
}

/** Somebody whom each of `rules` accepts has to agree before `expiresMs` have passed. */
export interface RequiredApproval {
  readonly expiresMs: number;
  readonly rules: readonly {
    /** `policy/rule`. */
    readonly id: string;
    /** Any of these; without `tenants` those of the caller's own, `*` means every tenant. */
    readonly approvers: readonly {
      readonly ids?: readonly string[];
      readonly roles?: readonly string[];
      readonly tenants?: readonly string[];
    }[];
  }[];
}

/** What would be decided if the shadow policies were enforced too: for the record and the metrics, never for a caller. */
export interface ShadowDecision extends Pick<Decision, 'effect' | 'policy' | 'rule' | 'limits'> {
  /** `policy/rule` of the shadow rules that matched, the first of them. */
  readonly matched: readonly string[];
}

/** What policy says of one call. A value, never an exception. */
export interface Decision {
  readonly effect: 'allow' | 'deny' | 'require_approval';
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
  /** With effect `require_approval`: who has to agree, by each rule that asks for it. */
  readonly approval: RequiredApproval | null;
  /** For anything but `allow`: what the rules say about it, fit for the caller. */
  readonly reasons: readonly string[];
  readonly nearest: NearestCall | null;
  readonly quotas: readonly QuotaDraw[];
  readonly trace: readonly TraceEntry[];
}
