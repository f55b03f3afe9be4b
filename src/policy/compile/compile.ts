/**
 * Policy directories into a revision. Trusted: whoever may write there; the compiler guards against their mistakes, and
 * makes sure that no hostile argument can later make a rule slow or wrong.
 */
import { createHash } from 'node:crypto';
import type { BoundaryProfile } from '../../model/finding.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { filterTaint } from '../../model/taint.ts';
import type { ToolCode } from '../../model/tool.ts';
import { ValidatorFactory } from '../arguments/validate-args.ts';
import { canonicalJson } from '../canonical-json.ts';
import { createBaseEnvironment } from '../cel/environment.ts';
import { ToolValue } from '../cel/principal-values.ts';
import type { AnyResource, PolicyResource, PolicyTestResource, ToolResource } from '../documents.ts';
import { deepFreeze, FrozenMap } from '../freeze.ts';
import { loadDocuments } from '../load/load.ts';
import type { LoadedDocuments } from '../load/load.ts';
import { arrangeProblems } from '../problem.ts';
import type { PolicyProblem } from '../problem.ts';
import type { CompiledQuota, CompiledRule, PolicySummary, Revision, ToolIndex } from '../revision.ts';
import { SubjectIndex } from '../subjects.ts';
import { compileBoundaries } from './compile-boundaries.ts';
import { checkCredentials } from './check-credentials.ts';
import { checkModules } from './check-modules.ts';
import { checkScopes } from './check-scopes.ts';
import { checkTest } from './check-test.ts';
import { compilePolicy } from './compile-policy.ts';
import type { PolicyContext } from './compile-policy.ts';
import { compileTool } from './compile-tool.ts';
import type { CompiledTool, ToolContext } from './compile-tool.ts';
import { compileImages } from './compile-image.ts';
import { Findings } from './findings.ts';
import { lintRules } from './lint-rules.ts';
import { Slices } from './slices.ts';

export interface CompileOptions {
  /** Policy directories, in order: later ones add and never redefine. */
  readonly directories: readonly string[];
  /** Ids of the boundary's detectors: a profile may name no other. */
  readonly knownDetectors: Iterable<string>;
  /** Also compare rules with each other, for an author's eyes; takes longer and changes nothing but the warnings. */
  readonly isLinting?: boolean;
  /**
   * False for one who only runs tools: its rules are read and are part of the id, and whether they can decide is for
   * those who decide. Default true.
   */
  readonly isDeciding?: boolean;
}

export type CompileResult =
  | {
      readonly ok: true;
      readonly revision: Revision;
      readonly warnings: readonly PolicyProblem[];
      /** Tests are no part of the revision: they change nothing that is decided. */
      readonly tests: readonly PolicyTestResource[];
    }
  | {
      readonly ok: false;
      readonly problems: readonly PolicyProblem[];
      readonly warnings: readonly PolicyProblem[];
    };

/**
 * Compiles a revision, or says everything that is wrong, in order of place. What files hold never makes it throw.
 * Needs neither secrets nor a container engine.
 */
export async function compile({ directories, ...options }: CompileOptions): Promise<CompileResult> {
  return compileDocuments(await loadDocuments(directories), options);
}

/** `sha256:…` of a revision's content. */
export function revisionId(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** A revision that was compiled before, as its content. */
export interface StoredRevision {
  readonly content: string;
  readonly code: ReadonlyMap<string, ToolCode>;
  /** From `listPlaces`; null: not known any more. */
  readonly places: readonly string[] | null;
}

export interface DocumentOptions extends Omit<CompileOptions, 'directories'> {
  /** Null: documents and code are read from files. */
  readonly stored?: StoredRevision | null;
  /** Without: in one go. */
  readonly slices?: Slices;
}

export async function compileDocuments(
  { resources, problems, lost, constants }: LoadedDocuments,
  {
    knownDetectors,
    isLinting = false,
    isDeciding = true,
    stored = null,
    slices = new Slices(Infinity),
  }: DocumentOptions,
): Promise<CompileResult> {
  const findings = new Findings();
  findings.problems.push(...problems);
  const images = compileImages(ofKind(resources, 'Image'), findings);
  const boundaries = compileBoundaries(ofKind(resources, 'Boundary'), new Set(knownDetectors), findings);
  const storedCode = stored?.code ?? null;
  const tools = await compileTools(ofKind(resources, 'Tool'), { findings, images, lost, storedCode }, slices);
  const policies = isDeciding ? byName(ofKind(resources, 'Policy')) : [];
  const context: PolicyContext = {
    findings,
    tools,
    boundaryNames: new Set(boundaries.keys()),
    taints: findings.problems.length > 0 ? null : taintsOf(tools.values(), boundaries.values()),
    constants,
    lost,
    rules: new Map([...tools.keys()].map((name) => [name, []])),
    shadowRules: new Map(),
    quotas: new Map([...tools.keys()].map((name) => [name, []])),
    boundRules: [],
    boundQuotas: [],
    nextOrdinal: 0,
    bindings: 0,
  };
  // What was in force once can be again: files alone are held to it, by one who brings them into force.
  const isReadingModules = stored === null && isDeciding;
  const [inModules] = await Promise.all([
    isReadingModules ? checkModules(tools.values()) : [],
    compilePolicies(policies, context, slices),
  ]);
  findings.problems.push(...inModules);
  checkCredentials(ofKind(resources, 'Credential'), tools, lost, findings);
  const tests = ofKind(resources, 'PolicyTest');
  if (isDeciding) for (const test of tests) checkTest(test, tools, lost, findings);
  // A scope is about files, and held when they were read.
  if (stored === null) checkScopes(ofKind(resources, 'Scope'), { resources, tools, findings });
  if (findings.problems.length === 0) {
    warnOfUnusableTools(tools, context.rules, findings);
    if (isLinting) lintRules({ tools, rules: context.boundRules, quotas: context.boundQuotas, findings });
    for (const { name, source, pointer } of constants.unused()) {
      findings.warn(source, pointer, `the constant ${name} is used nowhere`);
    }
  }
  const warnings = arrangeProblems(findings.warnings);
  if (findings.problems.length > 0)
    return { ok: false, problems: arrangeProblems(findings.problems), warnings };
  const content = stored?.content ?? contentOf(resources, tools);
  const place = placesOf(stored);
  const summaries: PolicySummary[] = [];
  for (const policy of policies) {
    summaries.push(deepFreeze(summarise(policy, place(policy))));
    await slices.rest();
  }
  const index = new Map<string, ToolIndex>();
  for (const [name, tool] of tools) {
    index.set(name, indexOf(tool, context));
    await slices.rest();
  }
  const revision: Revision = Object.freeze({
    id: revisionId(content),
    content,
    tools: new FrozenMap([...tools].map(([name, { tool }]) => [name, tool])),
    images: new FrozenMap(images),
    boundaries: new FrozenMap(boundaries),
    credentials: deepFreeze(
      byName(ofKind(resources, 'Credential')).map(({ metadata: { name }, spec }) => ({
        name,
        from: { ...spec.from },
        isDecoy: spec.decoy === true,
      })),
    ),
    policies: Object.freeze(summaries),
    quotaWindowMsMax: Math.max(0, ...[...context.quotas.values()].flat().map(({ windowMs }) => windowMs)),
    index: new FrozenMap(index),
  });
  return { ok: true, revision, warnings, tests };
}

type OfKind<K extends AnyResource['kind']> = Extract<AnyResource, { readonly kind: K }>;

function ofKind<K extends AnyResource['kind']>(
  resources: readonly AnyResource[],
  kind: K,
): readonly OfKind<K>[] {
  return resources.filter((resource): resource is OfKind<K> => resource.kind === kind);
}

function byName<R extends AnyResource>(resources: readonly R[]): readonly R[] {
  return resources.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

async function compileTools(
  resources: readonly ToolResource[],
  shared: Pick<ToolContext, 'findings' | 'images' | 'lost' | 'storedCode'>,
  slices: Slices,
): Promise<ReadonlyMap<string, CompiledTool>> {
  const context = {
    ...shared,
    base: createBaseEnvironment(),
    validators: new ValidatorFactory(),
  };
  const tools = new Map<string, CompiledTool>();
  for (const resource of byName(resources)) {
    const tool = await compileTool(resource, context);
    tools.set(tool.tool.name, tool);
    await slices.rest();
  }
  return tools;
}

function taintsOf(tools: Iterable<CompiledTool>, boundaries: Iterable<BoundaryProfile>): ReadonlySet<string> {
  const ofTools = [...tools].flatMap(({ tool: { taints = [] } }) => taints);
  const ofBoundaries = [...boundaries].flatMap(({ taints }) => Object.values(taints).flat());
  return new Set([filterTaint, ...ofTools, ...ofBoundaries]);
}

async function compilePolicies(
  policies: readonly PolicyResource[],
  context: PolicyContext,
  slices: Slices,
): Promise<void> {
  for (const policy of policies) await compilePolicy(policy, context, slices);
}

function warnOfUnusableTools(
  tools: ReadonlyMap<string, CompiledTool>,
  rules: ReadonlyMap<string, readonly CompiledRule[]>,
  findings: Findings,
): void {
  for (const [name, { resource }] of tools) {
    if (rules.get(name)?.some(({ effect }) => effect === 'allow') === true) continue;
    findings.warn(resource.source, '/metadata/name', `no rule allows "${name}": nobody can call it`);
  }
}

function indexOf(compiled: CompiledTool, context: PolicyContext): ToolIndex {
  const { tool, validateArgs, validateOutput, wrapArgs } = compiled;
  const rules = context.rules.get(tool.name) ?? [];
  const shadowRules = context.shadowRules.get(tool.name);
  return Object.freeze({
    tool,
    value: Object.freeze(new ToolValue(tool)),
    validateArgs,
    validateOutput,
    wrapArgs,
    rules: new SubjectIndex<CompiledRule>(rules),
    withShadow: shadowRules === undefined ? null : new SubjectIndex<CompiledRule>([...rules, ...shadowRules]),
    quotas: new SubjectIndex<CompiledQuota>(context.quotas.get(tool.name) ?? []),
  });
}

/** `place`: where the value at a pointer of the document stands. */
function summarise({ metadata, spec }: PolicyResource, place: (pointer: string) => string): PolicySummary {
  return {
    name: metadata.name,
    owner: metadata.owner ?? null,
    description: metadata.description ?? null,
    isShadow: spec.mode === 'shadow',
    place: place('/metadata/name'),
    rules: (spec.rules ?? []).map(({ name, effect, when }, at) => ({
      name,
      effect,
      place: place(`/spec/rules/${at}`),
      isConditional: when !== undefined,
    })),
    quotas: (spec.quotas ?? []).map(({ name }, at) => ({ name, place: place(`/spec/quotas/${at}`) })),
  };
}

/** A stored document has no lines of its own: those that it had when it was read, where they are known. */
function placesOf(stored: StoredRevision | null): (resource: PolicyResource) => (pointer: string) => string {
  if (stored === null) {
    return ({ source }) =>
      (pointer) => {
        const { line, column } = source.locate(pointer);
        return `${source.file}:${line}:${column}`;
      };
  }
  const { places } = stored;
  if (places === null)
    return ({ source }) =>
      (pointer) =>
        source.file + pointer;
  let at = 0;
  return () => () => places[at++] ?? '';
}

/** The places of a revision's policies, in the order in which `summarise` asks for them. */
export function listPlaces(policies: readonly PolicySummary[]): readonly string[] {
  return policies.flatMap(({ place, rules, quotas }) => [
    place,
    ...rules.map((rule) => rule.place),
    ...quotas.map((quota) => quota.place),
  ]);
}

/** Independent of where the directories lie, how files are split and in which order documents stand. */
function contentOf(resources: readonly AnyResource[], tools: ReadonlyMap<string, CompiledTool>): string {
  const documents = resources
    .filter(({ kind }) => kind !== 'PolicyTest')
    .map(({ kind, metadata, source }) => ({
      key: `${kind}/${metadata.name}/`,
      json: canonicalJson(source.value),
    }))
    .toSorted((a, b) => (a.key + a.json < b.key + b.json ? -1 : 1))
    .map(({ json }) => json);
  const code: Record<string, JsonValue> = {};
  for (const [name, { tool }] of tools) {
    if (tool.runtime.code.from === 'file') code[name] = { ...tool.runtime.code } satisfies JsonObject;
  }
  return `{"code":${canonicalJson(code)},"documents":[${documents.join(',')}]}`;
}
