/** Shapes of policy documents after they were checked against their JSON Schema (`schemas/`). */
import type { ConfinementName } from '../model/confinement.ts';
import type { QuotaUnit } from '../model/decision.ts';
import type { Action, Allowed, CustomDetector } from '../model/finding.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { SessionFacts } from '../model/taint.ts';
import type { EngineRuntime, HarnessEntry, Reuse } from '../model/tool.ts';

export const kinds = [
  'Tool',
  'Policy',
  'Image',
  'Boundary',
  'Credential',
  'Constants',
  'Scope',
  'PolicyTest',
] as const;
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
      readonly minConfinement?: ConfinementName;
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
  readonly cost?: { readonly perCallUsd: number };
  readonly returns?: { readonly taints?: readonly string[] };
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

export type Effect = 'allow' | 'deny' | 'require_approval' | 'limit';

/** Who may approve: all keys given must match; without `tenants` those of the caller's own tenant. */
export interface ApproverEntry {
  readonly roles?: readonly string[];
  readonly ids?: readonly string[];
  /** `*` means every tenant. */
  readonly tenants?: readonly string[];
}

export interface RuleSpec {
  readonly name: string;
  readonly effect: Effect;
  readonly tools: readonly ToolSelector[];
  readonly when?: string;
  readonly message?: string;
  readonly limits?: LimitsSpec;
  readonly boundary?: string;
  readonly approval?: { readonly approvers: readonly ApproverEntry[]; readonly expires?: string };
}

export interface QuotaSpec {
  readonly name: string;
  readonly tools?: readonly ToolSelector[];
  readonly key: string;
  /** One of the two: what is counted, or an expression that says how much a call counts. */
  readonly unit?: Exclude<QuotaUnit, 'amount'>;
  readonly amount?: string;
  readonly limit: number;
  readonly window?: string;
  readonly onStoreLoss?: 'deny' | 'local';
}

export interface PolicySpec {
  readonly mode?: 'enforce' | 'shadow';
  readonly subjects: readonly SubjectEntry[];
  readonly conditions?: Readonly<Record<string, string>>;
  readonly rules?: readonly RuleSpec[];
  readonly quotas?: readonly QuotaSpec[];
}

export interface ImageSpec {
  readonly build?: string;
  readonly digest?: string;
  readonly entry?: HarnessEntry;
  readonly warm?: {
    readonly floor?: number;
    readonly ceiling: number;
    readonly memory: string;
  };
  readonly sessions?: {
    readonly idle?: string;
    readonly lifetime?: string;
    readonly perPrincipal?: number;
    readonly perTenant?: number;
  };
}

/** A detector of one's own; where it is defined it flags arguments and takes text out of output unless it says otherwise. */
export interface CustomDetectorSpec extends Pick<CustomDetector, 'id' | 'keywords' | 'pattern' | 'examples'> {
  readonly title?: string;
  readonly inbound?: 'allow' | 'flag' | 'block';
  readonly outbound?: Action;
}

export interface BoundarySpec {
  readonly inbound?: Readonly<Record<string, Action>>;
  readonly outbound?: Readonly<Record<string, Action>>;
  readonly artifacts?: 'none' | 'images' | 'any';
  readonly taints?: Readonly<Record<string, readonly string[]>>;
  readonly detectors?: readonly CustomDetectorSpec[];
  readonly allow?: Partial<Allowed>;
  readonly stream?: 'buffered' | 'live';
}

/** Where a credential's secret comes from, how it is put into a request, and who may have it put there. */
export interface CredentialSpec {
  readonly from: { readonly file: string } | { readonly env: string };
  readonly tenants?: readonly string[];
  readonly inject?: { readonly header: string; readonly value?: string };
  readonly allow?: {
    readonly tools?: readonly ToolSelector[];
    readonly hosts?: readonly string[];
    readonly methods?: readonly string[];
  };
  readonly decoy?: boolean;
}

/** What documents in files under `path` may define and name. A key that is left out restricts nothing. */
export interface ScopeSpec {
  readonly path: string;
  readonly kinds?: readonly Kind[];
  readonly tools?: readonly ToolSelector[];
  readonly tenants?: readonly string[];
  readonly credentials?: readonly string[];
}

export interface TestPrincipal {
  readonly id?: string;
  readonly tenant?: string;
  readonly roles?: readonly string[];
  readonly attributes?: JsonObject;
}

/** What a test says of a draw on a quota; what it leaves out may be anything. */
export interface ExpectedDraw {
  readonly name: string;
  readonly key?: string;
  readonly amount?: number;
}

/** What a test says of a decision; what it leaves out may be anything. */
export interface TestExpectation {
  /** `invalid`: the arguments do not fit the tool's schema, so nothing is decided. */
  readonly effect?: 'allow' | 'deny' | 'require_approval' | 'invalid';
  readonly policy?: string | null;
  readonly rule?: string | null;
  readonly matched?: readonly string[];
  readonly limits?: LimitsSpec;
  readonly boundary?: readonly string[];
  /** Quotas drawn upon, in order: each a name, or the parts that matter. */
  readonly quota?: readonly (string | ExpectedDraw)[];
  readonly approval?: { readonly approvers?: readonly ApproverEntry[]; readonly expires?: string };
  readonly reasons?: readonly string[];
  /** Arguments of the nearest permitted call, or null for none. */
  readonly nearest?: JsonObject | null;
}

export interface TestCall {
  readonly args?: JsonObject;
  readonly expect: TestExpectation;
}
export interface TestCase extends Partial<TestCall> {
  readonly name: string;
  /** A name under `principals`, or one written out. */
  readonly principal: string | TestPrincipal;
  readonly tool: string;
  /** Time of the request, RFC 3339. */
  readonly now?: string;
  readonly ip?: string;
  /** What the caller's session is like; without: no taint, no session. */
  readonly session?: Partial<SessionFacts>;
  readonly each?: readonly TestCall[];
}

export interface PolicyTestSpec {
  readonly principals?: Readonly<Record<string, TestPrincipal>>;
  readonly cases: readonly TestCase[];
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
  /** Whether a part with a mistake was left out or filled in. */
  readonly isPartial: boolean;
  /** The JSON pointer in the file for one into `value`; they differ where a part with a mistake was left out. */
  pointerInFile(pointer: string): string;
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
export type CredentialResource = Resource<'Credential', CredentialSpec>;
export type ConstantsResource = Resource<'Constants', JsonObject>;
export type ScopeResource = Resource<'Scope', ScopeSpec>;
export type PolicyTestResource = Resource<'PolicyTest', PolicyTestSpec>;
export type AnyResource =
  | ToolResource
  | PolicyResource
  | ImageResource
  | BoundaryResource
  | CredentialResource
  | ConstantsResource
  | ScopeResource
  | PolicyTestResource;
