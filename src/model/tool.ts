import type { ConfinementName } from './confinement.ts';
import type { JsonObject } from './json.ts';
import type { Limits } from './limits.ts';

/** Source code of a tool: a file of the policy directory, or the caller's own (`args.code`, `args.script`). */
export type ToolCode =
  | {
      readonly from: 'file';
      readonly name: string;
      readonly source: string;
      /** What runs instead of `source` where that is TypeScript. Both are part of the revision. */
      readonly javascript?: string;
    }
  | { readonly from: 'args' };

/** Who may share a worker process one after the other. The isolate itself is always fresh. */
export type Reuse = 'never' | 'principal' | 'tenant';

export interface IsolateRuntime {
  readonly kind: 'isolate';
  readonly code: ToolCode;
  readonly reuse: Reuse;
  /** Weakest confinement of the worker under which it may run. */
  readonly minConfinement: ConfinementName;
  /** Whether the code finds `WebAssembly`. Its memory counts as the process's. */
  readonly webAssembly: boolean;
}

/** Engine runtimes that policy may name: `runc` (default) or gVisor's `runsc`. */
export type EngineRuntime = 'runc' | 'runsc';

export interface ContainerRuntime {
  readonly kind: 'container';
  /** Name of an `Image` resource, never a reference of the engine. */
  readonly image: string;
  readonly engineRuntime: EngineRuntime;
  readonly code: ToolCode;
}

/** What the harness in an image gets from a call and gives back. */
export type HarnessEntry =
  /** One JSON request; one JSON answer `{ok, value | error}`. */
  | 'json'
  /** The bare text of `args.script`; the result is `{exitCode}`. */
  | 'script';

/** An `Image` resource: the allowlist entry that tools name. */
export interface Image {
  readonly name: string;
  /** `local`: built from a folder of `sandbox-images/`; `digest`: `repository@sha256:…` or `sha256:…` local id. */
  readonly source:
    | { readonly from: 'local'; readonly folder: string }
    | { readonly from: 'digest'; readonly reference: string };
  readonly entry: HarnessEntry;
  /** Missing: every container starts when its call comes. */
  readonly warm?: WarmPolicy;
  /** Missing: no sessions. */
  readonly sessions?: SessionPolicy;
}

/** Containers of an image that keep their state from call to call, each for one principal. */
export interface SessionPolicy {
  /** Without a call or a file operation it ends after this long, milliseconds. A request may ask for less. */
  readonly idleMs: number;
  /** After this long it ends in any case, milliseconds. A request may ask for less. */
  readonly lifetimeMs: number;
  /** That one principal may hold at once, of this image. */
  readonly perPrincipal: number;
  /** That all principals of one tenant together may hold at once, of this image. */
  readonly perTenant: number;
}

/** Containers that are started ahead of need, for each size that tools of the image declare. */
export interface WarmPolicy {
  /** Idle ones that are always kept. */
  readonly floor: number;
  /** Idle ones at most, however many calls come. */
  readonly ceiling: number;
  /** What all idle ones of the image may hold together, MiB. */
  readonly memoryMiB: number;
}

/** A tool as policy declares it. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly labels: readonly string[];
  /** JSON Schema 2020-12 of the arguments; `type: object`. */
  readonly input: Readonly<JsonObject>;
  /** JSON Schema of the result, when declared. */
  readonly output: Readonly<JsonObject> | null;
  readonly runtime: IsolateRuntime | ContainerRuntime;
  readonly limits: Limits;
  /** What every call costs, for quotas in `cost_usd`. */
  readonly cost?: { readonly perCallUsd: number };
  /** What every call of it leaves its caller with. */
  readonly taints?: readonly string[];
  /** `sha256:…` over the tool's canonical definition and its code file. */
  readonly digest: string;
}
