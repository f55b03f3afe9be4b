import type { QuotaUnit } from '../model/decision.ts';
import type { BoundaryProfile } from '../model/finding.ts';
import type { JsonObject } from '../model/json.ts';
import type { Limits } from '../model/limits.ts';
import type { Image, Tool } from '../model/tool.ts';
import type { Validator } from './arguments/validate-args.ts';
import type { Expression } from './cel/compile-expression.ts';
import type { ToolValue } from './cel/principal-values.ts';
import type { ApproverEntry, Effect, SubjectEntry } from './documents.ts';
import type { SubjectIndex } from './subjects.ts';

/** The profile that applies where no matching rule names one. */
export const DEFAULT_BOUNDARY = 'standard';

/**
 * One compiled policy directory, immutable. A call is decided, recorded and reported under exactly one revision.
 */
export interface Revision {
  /** `sha256:…` over `content`: the same documents and code give the same id wherever they are compiled. */
  readonly id: string;
  /** Canonical JSON of all documents and code files, for storing the revision by its hash. */
  readonly content: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly images: ReadonlyMap<string, Image>;
  /** Always holds `standard`; one that no document defines leaves every detector at its own default. */
  readonly boundaries: ReadonlyMap<string, BoundaryProfile>;
  /** Where the secrets lie that the filter looks for; never the secrets. */
  readonly credentials: readonly CredentialSource[];
  readonly policies: readonly PolicySummary[];
  /** Longest window of any quota, milliseconds: how far back the ledger must look at start. */
  readonly quotaWindowMsMax: number;
  /** What deciding needs, by tool name. Internal to this room. */
  readonly index: ReadonlyMap<string, ToolIndex>;
}

export interface CredentialSource {
  readonly name: string;
  readonly from: { readonly file: string } | { readonly env: string };
  /** A tripwire: seen anywhere, it blocks the call and raises an alert. */
  readonly isDecoy: boolean;
}

export interface PolicySummary {
  readonly name: string;
  readonly owner: string | null;
  readonly description: string | null;
  readonly isShadow: boolean;
  /** Where it stands, for explanations: `file:line:column`. */
  readonly place: string;
  readonly rules: readonly RuleSummary[];
  readonly quotas: readonly { readonly name: string; readonly place: string }[];
}

export interface RuleSummary {
  readonly name: string;
  readonly effect: Effect;
  readonly place: string;
  readonly isConditional: boolean;
}

export interface ToolIndex {
  readonly tool: Tool;
  readonly value: ToolValue;
  readonly validateArgs: Validator;
  /** Null when the tool declares no output schema. */
  readonly validateOutput: Validator | null;
  /** Wraps validated arguments for expressions. */
  readonly wrapArgs: (args: JsonObject) => unknown;
  readonly rules: SubjectIndex<CompiledRule>;
  /** The rules with those of shadow policies among them; null where no shadow policy means this tool. */
  readonly withShadow: SubjectIndex<CompiledRule> | null;
  readonly quotas: SubjectIndex<CompiledQuota>;
}

/** A rule as it applies to one tool. */
export interface CompiledRule {
  readonly ordinal: number;
  readonly policy: string;
  readonly name: string;
  /** `policy/rule`. */
  readonly id: string;
  readonly effect: Effect;
  readonly subjects: readonly SubjectEntry[];
  readonly when: Expression | null;
  readonly message: string | null;
  readonly limits: Partial<Limits>;
  readonly boundary: string | null;
  /** With effect `require_approval` only. */
  readonly approval: RuleApproval | null;
}

export interface RuleApproval {
  readonly approvers: readonly ApproverEntry[];
  readonly expiresMs: number;
}

export interface CompiledQuota {
  readonly ordinal: number;
  readonly policy: string;
  readonly name: string;
  readonly subjects: readonly SubjectEntry[];
  readonly key: Expression;
  readonly unit: QuotaUnit;
  /** With unit `amount`: how much a call counts. */
  readonly amount: Expression | null;
  readonly limit: number;
  readonly windowMs: number;
  readonly onStoreLoss: 'deny' | 'local';
}
