/** One `Policy` document: every rule and quota type-checked against every tool that it means. */
import { knownNamesHint } from '../did-you-mean.ts';
import type { PolicyResource, QuotaSpec, RuleSpec, ToolSelector } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import type { Constants } from '../load/constants.ts';
import type { LostNames } from '../load/lost-names.ts';
import { parseDurationMs } from '../quantity.ts';
import { DEFAULT_BOUNDARY } from '../revision.ts';
import type { CompiledQuota, CompiledRule, RuleApproval } from '../revision.ts';
import { readLimits } from '../tool-limits.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';
import type { Bound } from './lint-rules.ts';
import { PolicyExpressions } from './policy-expressions.ts';
import type { Slices } from './slices.ts';
import { selectTools } from './select-tools.ts';

/** Pairs of rule or quota and tool in one revision: what its indexes hold. */
const BINDINGS_MAX = 500_000;
/** How long a call waits for a person when its rule does not say. */
const APPROVAL_EXPIRES_MS = 15 * 60_000;

/** What policies are compiled against, and where their rules go. */
export interface PolicyContext {
  readonly findings: Findings;
  readonly tools: ReadonlyMap<string, CompiledTool>;
  readonly boundaryNames: ReadonlySet<string>;
  /** What tools, boundary profiles and the filter set; null where not all of them can be read. */
  readonly taints: ReadonlySet<string> | null;
  readonly constants: Constants;
  readonly lost: LostNames;
  readonly rules: ReadonlyMap<string, CompiledRule[]>;
  /** Of policies that are decided beside the others only, by the tools that they mean. */
  readonly shadowRules: Map<string, CompiledRule[]>;
  readonly quotas: ReadonlyMap<string, CompiledQuota[]>;
  /** Every rule and quota with its place, in the order of decision. */
  readonly boundRules: Bound<CompiledRule>[];
  readonly boundQuotas: Bound<CompiledQuota>[];
  /** Next place in the order of decision. */
  nextOrdinal: number;
  bindings: number;
}

/** Policies must come in the order of their names. */
export async function compilePolicy(
  resource: PolicyResource,
  context: PolicyContext,
  slices: Slices,
): Promise<void> {
  await new PolicyCompiler(resource, context).compile(slices);
}

class PolicyCompiler {
  readonly #resource: PolicyResource;
  readonly #context: PolicyContext;
  readonly #findings: Findings;
  readonly #expressions: PolicyExpressions;

  constructor(resource: PolicyResource, context: PolicyContext) {
    this.#resource = resource;
    this.#context = context;
    this.#findings = context.findings;
    this.#expressions = new PolicyExpressions(resource.source, context);
  }

  async compile(slices: Slices): Promise<void> {
    const { spec, source } = this.#resource;
    const [anyTool] = this.#context.tools.values();
    this.#expressions.readConditions(spec.conditions ?? {}, anyTool?.environment);
    this.#checkNames('rules', spec.rules ?? []);
    this.#checkNames('quotas', spec.quotas ?? []);
    if (spec.rules === undefined && spec.quotas === undefined && this.#findings.problems.length === 0) {
      this.#findings.error(source, '/spec', 'a policy needs rules or quotas');
    }
    for (const [at, rule] of (spec.rules ?? []).entries()) {
      this.#compileRule(rule, `/spec/rules/${at}`);
      const rest = slices.rest();
      if (rest !== null) await rest;
    }
    for (const [at, quota] of (spec.quotas ?? []).entries()) this.#compileQuota(quota, `/spec/quotas/${at}`);
    this.#expressions.flush();
    if (this.#findings.problems.length > 0) return;
    for (const name of this.#expressions.unusedConditions()) {
      this.#findings.warn(source, `/spec/conditions/${name}`, `the condition "${name}" is used nowhere`);
    }
  }

  #checkNames(list: 'rules' | 'quotas', items: readonly { readonly name: string }[]): void {
    const seen = new Set<string>();
    for (const [at, { name }] of items.entries()) {
      if (seen.has(name)) this.#error(`/spec/${list}/${at}/name`, `"${name}" stands here twice`);
      seen.add(name);
    }
  }

  #compileRule(rule: RuleSpec, pointer: string): void {
    const { metadata, spec } = this.#resource;
    this.#checkRule(rule, pointer);
    const common = {
      ordinal: this.#context.nextOrdinal++,
      policy: metadata.name,
      name: rule.name,
      id: `${metadata.name}/${rule.name}`,
      effect: rule.effect,
      subjects: spec.subjects,
      message: rule.message ?? null,
      limits: readLimits(rule.limits, (field, message) => this.#error(`${pointer}/limits/${field}`, message)),
      boundary: rule.boundary ?? null,
      approval: approvalOf(rule),
    };
    const unconditional: CompiledRule = deepFreeze({ ...common, when: null });
    const byTool = new Map<string, CompiledRule>();
    for (const tool of this.#select(rule.tools, `${pointer}/tools`)) {
      const { when: text } = rule;
      const when =
        text === undefined ? null : this.#expressions.compile(tool, text, `${pointer}/when`, 'bool');
      if ((text !== undefined && when === null) || !this.#bind(pointer)) continue;
      const compiled = when === null ? unconditional : deepFreeze({ ...common, when });
      this.#addRule(tool.tool.name, compiled);
      byTool.set(tool.tool.name, compiled);
    }
    if (!this.#isShadow) this.#context.boundRules.push({ source: this.#resource.source, pointer, byTool });
  }

  #checkRule({ approval, boundary }: RuleSpec, pointer: string): void {
    if (approval?.expires !== undefined && parseDurationMs(approval.expires) > APPROVAL_EXPIRES_MS_MAX) {
      this.#error(`${pointer}/approval/expires`, 'a call waits for at most 168h');
    }
    if (boundary === undefined || boundary === DEFAULT_BOUNDARY) return;
    const { boundaryNames, lost } = this.#context;
    if (boundaryNames.has(boundary) || lost.has('Boundary', boundary)) return;
    const hint = knownNamesHint(boundary, [...boundaryNames]);
    this.#error(`${pointer}/boundary`, `unknown boundary "${boundary}"`, hint);
  }

  #compileQuota(quota: QuotaSpec, pointer: string): void {
    const { metadata, spec } = this.#resource;
    const { tools: allTools, nextOrdinal: ordinal } = this.#context;
    this.#context.nextOrdinal++;
    const tools =
      quota.tools === undefined ? allTools.values() : this.#select(quota.tools, `${pointer}/tools`);
    const byTool = new Map<string, CompiledQuota>();
    for (const tool of tools) {
      const key = this.#expressions.compile(tool, quota.key, `${pointer}/key`, 'scalar');
      const amount =
        quota.amount === undefined
          ? null
          : this.#expressions.compile(tool, quota.amount, `${pointer}/amount`, 'int');
      const isWhole = key !== null && (quota.amount === undefined) === (amount === null);
      if (!isWhole || !this.#bind(pointer)) continue;
      const compiled: CompiledQuota = deepFreeze({
        ordinal,
        policy: metadata.name,
        name: quota.name,
        subjects: spec.subjects,
        key,
        unit: quota.unit ?? 'amount',
        amount,
        limit: quota.limit,
        windowMs: quota.window === undefined ? 0 : parseDurationMs(quota.window),
        onStoreLoss: quota.onStoreLoss ?? 'deny',
      });
      if (!this.#isShadow) this.#context.quotas.get(tool.tool.name)?.push(compiled);
      byTool.set(tool.tool.name, compiled);
    }
    if (!this.#isShadow) this.#context.boundQuotas.push({ source: this.#resource.source, pointer, byTool });
    else this.#findings.warn(this.#resource.source, pointer, 'a quota of a shadow policy counts nothing');
  }

  get #isShadow(): boolean {
    return this.#resource.spec.mode === 'shadow';
  }

  #addRule(tool: string, rule: CompiledRule): void {
    const { rules, shadowRules } = this.#context;
    if (!this.#isShadow) return void rules.get(tool)?.push(rule);
    const beside = shadowRules.get(tool) ?? [];
    beside.push(rule);
    shadowRules.set(tool, beside);
  }

  #bind(pointer: string): boolean {
    if (this.#context.bindings++ < BINDINGS_MAX) return true;
    if (this.#context.bindings === BINDINGS_MAX + 1) {
      this.#error(pointer, `more than ${BINDINGS_MAX} pairs of rule and tool`);
    }
    return false;
  }

  #select(selectors: readonly ToolSelector[], pointer: string): Iterable<CompiledTool> {
    const { tools, mistakes } = selectTools(selectors, this.#context.tools, this.#context.lost);
    for (const { at, message, hint } of mistakes) this.#error(`${pointer}/${at}`, message, hint);
    return tools;
  }

  #error(pointer: string, message: string, hint?: string): void {
    this.#findings.error(this.#resource.source, pointer, message, hint);
  }
}

/** A week: longer, and nobody remembers what the call was for. */
const APPROVAL_EXPIRES_MS_MAX = 168 * 3_600_000;

function approvalOf({ approval }: RuleSpec): RuleApproval | null {
  if (approval === undefined) return null;
  const { approvers, expires } = approval;
  return { approvers, expiresMs: expires === undefined ? APPROVAL_EXPIRES_MS : parseDurationMs(expires) };
}
