/**
 * Policy directories into a revision. Trusted: whoever may write there; the compiler guards against their mistakes, and
 * makes sure that no hostile argument can later make a rule slow or wrong.
 */
import { createHash } from 'node:crypto';
import type { BoundaryProfile } from '../../model/finding.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { ValidatorFactory } from '../arguments/validate-args.ts';
import { canonicalJson } from '../canonical-json.ts';
import { createBaseEnvironment } from '../cel/environment.ts';
import { ToolValue } from '../cel/principal-values.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type {
  AnyResource,
  BoundaryResource,
  PolicyResource,
  PolicyTestResource,
  ToolResource,
} from '../documents.ts';
import { deepFreeze, FrozenMap } from '../freeze.ts';
import { loadDocuments } from '../load/load.ts';
import { arrangeProblems } from '../problem.ts';
import type { PolicyProblem } from '../problem.ts';
import { DEFAULT_BOUNDARY } from '../revision.ts';
import type { CompiledQuota, CompiledRule, PolicySummary, Revision, ToolIndex } from '../revision.ts';
import { SubjectIndex } from '../subjects.ts';
import { checkCredentials } from './check-credentials.ts';
import { checkScopes } from './check-scopes.ts';
import { checkTest } from './check-test.ts';
import { compilePolicy } from './compile-policy.ts';
import type { PolicyContext } from './compile-policy.ts';
import { compileTool } from './compile-tool.ts';
import type { CompiledTool, ToolContext } from './compile-tool.ts';
import { compileImages } from './compile-image.ts';
import { Findings } from './findings.ts';
import { lintRules } from './lint-rules.ts';

export interface CompileOptions {
  /** Policy directories, in order: later ones add and never redefine. */
  readonly directories: readonly string[];
  /** Ids of the boundary's detectors: a profile may name no other. */
  readonly knownDetectors: Iterable<string>;
  /** Also compare rules with each other, for an author's eyes; takes longer and changes nothing but the warnings. */
  readonly isLinting?: boolean;
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
export async function compile({
  directories,
  knownDetectors,
  isLinting = false,
}: CompileOptions): Promise<CompileResult> {
  const { resources, problems, lost, constants } = await loadDocuments(directories);
  const findings = new Findings();
  findings.problems.push(...problems);
  const images = compileImages(ofKind(resources, 'Image'), findings);
  const boundaries = compileBoundaries(ofKind(resources, 'Boundary'), new Set(knownDetectors), findings);
  const tools = await compileTools(ofKind(resources, 'Tool'), { findings, images, lost });
  const policies = byName(ofKind(resources, 'Policy'));
  const context: PolicyContext = {
    findings,
    tools,
    boundaryNames: new Set(boundaries.keys()),
    constants,
    lost,
    rules: new Map([...tools.keys()].map((name) => [name, []])),
    quotas: new Map([...tools.keys()].map((name) => [name, []])),
    boundRules: [],
    boundQuotas: [],
    nextOrdinal: 0,
    bindings: 0,
  };
  for (const policy of policies) compilePolicy(policy, context);
  checkCredentials(ofKind(resources, 'Credential'), tools, lost, findings);
  const tests = ofKind(resources, 'PolicyTest');
  for (const test of tests) checkTest(test, tools, lost, findings);
  checkScopes(ofKind(resources, 'Scope'), { resources, tools, findings });
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
  const content = contentOf(resources, tools);
  const revision: Revision = Object.freeze({
    id: `sha256:${createHash('sha256').update(content).digest('hex')}`,
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
    policies: deepFreeze(policies.map(summarise)),
    quotaWindowMsMax: Math.max(0, ...[...context.quotas.values()].flat().map(({ windowMs }) => windowMs)),
    index: new FrozenMap([...tools].map(([name, tool]) => [name, indexOf(tool, context)])),
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

function compileBoundaries(
  resources: readonly BoundaryResource[],
  detectors: ReadonlySet<string>,
  findings: Findings,
): ReadonlyMap<string, BoundaryProfile> {
  const profiles = new Map<string, BoundaryProfile>();
  profiles.set(DEFAULT_BOUNDARY, profileOf(DEFAULT_BOUNDARY, {}));
  for (const {
    metadata: { name },
    spec,
    source,
  } of resources) {
    for (const direction of ['inbound', 'outbound'] as const) {
      for (const detector of Object.keys(spec[direction] ?? {})) {
        if (detectors.has(detector)) continue;
        const hint = didYouMeanHint(detector, detectors);
        findings.error(source, `/spec/${direction}/${detector}`, `unknown detector "${detector}"`, hint);
      }
    }
    profiles.set(name, profileOf(name, spec));
  }
  return profiles;
}

function profileOf(name: string, spec: BoundaryResource['spec']): BoundaryProfile {
  const { inbound = {}, outbound = {}, artifacts = 'any', stream = 'buffered' } = spec;
  return deepFreeze({
    name,
    inbound: { detectors: { ...inbound } },
    outbound: { detectors: { ...outbound } },
    artifacts,
    stream,
  });
}

async function compileTools(
  resources: readonly ToolResource[],
  { findings, images, lost }: Pick<ToolContext, 'findings' | 'images' | 'lost'>,
): Promise<ReadonlyMap<string, CompiledTool>> {
  const context = {
    findings,
    images,
    lost,
    base: createBaseEnvironment(),
    validators: new ValidatorFactory(),
  };
  const tools = new Map<string, CompiledTool>();
  for (const resource of byName(resources)) {
    const tool = await compileTool(resource, context);
    tools.set(tool.tool.name, tool);
  }
  return tools;
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
  return Object.freeze({
    tool,
    value: Object.freeze(new ToolValue(tool)),
    validateArgs,
    validateOutput,
    wrapArgs,
    rules: new SubjectIndex<CompiledRule>(context.rules.get(tool.name) ?? []),
    quotas: new SubjectIndex<CompiledQuota>(context.quotas.get(tool.name) ?? []),
  });
}

function summarise({ metadata, spec, source }: PolicyResource): PolicySummary {
  const place = (pointer: string): string => {
    const { line, column } = source.locate(pointer);
    return `${source.file}:${line}:${column}`;
  };
  return {
    name: metadata.name,
    owner: metadata.owner ?? null,
    description: metadata.description ?? null,
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
