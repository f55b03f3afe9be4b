/** Shapes of policy documents after they were checked against their JSON Schema (`schemas/`). */
import type { Action } from '../model/finding.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { EngineRuntime, HarnessEntry, Reuse } from '../model/tool.ts';

export const kinds = ['Tool', 'Policy', 'Image', 'Boundary'] as const;
export type Kind = (typeof kinds)[number];

export interface Metadata {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly labels?: readonly string[];
  readonly owner?: string;
}

export interface LimitsSpec {
  readonly timeout?: string;
  readonly memory?: string;
  readonly cpus?: number;
  readonly pids?: number;
  readonly output?: string;
  readonly logs?: string;
  readonly artifacts?: string;
  readonly hostCalls?: number;
}

export type RuntimeSpec =
  | {
      readonly kind: 'isolate';
      readonly code?: string;
      readonly reuse?: Reuse;
      readonly webAssembly?: boolean;
    }
  | {
      readonly kind: 'container';
      readonly image: string;
      readonly code?: string;
      readonly engineRuntime?: EngineRuntime;
    };

export interface ToolSpec {
  readonly input: JsonObject;
  readonly output?: JsonObject;
  readonly runtime: RuntimeSpec;
  readonly limits?: LimitsSpec;
}

/** One way to be meant: all keys given must match. */
export interface SubjectMatch {
  readonly ids?: readonly string[];
  readonly roles?: readonly string[];
  readonly tenants?: readonly string[];
}
export interface SubjectEntry extends SubjectMatch {
  readonly except?: readonly SubjectMatch[];
}

/** A glob over tool names, or labels that a tool must all carry. */
export type ToolSelector = string | { readonly labels: readonly string[] };

export type Effect = 'allow' | 'deny' | 'limit';

export interface RuleSpec {
  readonly name: string;
  readonly effect: Effect;
  readonly tools: readonly ToolSelector[];
  readonly when?: string;
  readonly message?: string;
  readonly limits?: LimitsSpec;
  readonly boundary?: string;
}

export interface QuotaSpec {
  readonly name: string;
  readonly tools?: readonly ToolSelector[];
  readonly key: string;
  readonly unit: 'calls' | 'concurrent';
  readonly limit: number;
  readonly window?: string;
}

export interface PolicySpec {
  readonly subjects: readonly SubjectEntry[];
  readonly conditions?: Readonly<Record<string, string>>;
  readonly rules?: readonly RuleSpec[];
  readonly quotas?: readonly QuotaSpec[];
}

export interface ImageSpec {
  readonly build?: string;
  readonly digest?: string;
  readonly entry?: HarnessEntry;
}

export interface BoundarySpec {
  readonly inbound?: Readonly<Record<string, Action>>;
  readonly outbound?: Readonly<Record<string, Action>>;
  readonly artifacts?: 'none' | 'images' | 'any';
}

/** A position in a file, both one-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One YAML document with the way back to its source. */
export interface SourceDocument {
  /** The policy directory as the operator named it. */
  readonly directory: string;
  /** `directory` and the file inside it. */
  readonly file: string;
  readonly value: JsonValue;
  /** Where the value at a JSON pointer stands; the nearest ancestor when the pointer leads to nothing. */
  locate(pointer: string): Place;
  /** Where the key of a member stands. */
  locateKey(pointer: string): Place;
  /** Where character `offset` of the string at a JSON pointer stands, as exactly as the YAML style allows. */
  locateInText(pointer: string, offset: number): Place;
}

/** A checked document of one kind. */
export interface Resource<K extends Kind, Spec> {
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: Spec;
  readonly source: SourceDocument;
}
export type ToolResource = Resource<'Tool', ToolSpec>;
export type PolicyResource = Resource<'Policy', PolicySpec>;
export type ImageResource = Resource<'Image', ImageSpec>;
export type BoundaryResource = Resource<'Boundary', BoundarySpec>;
export type AnyResource = ToolResource | PolicyResource | ImageResource | BoundaryResource;
