/** One `Policy` document: every rule and quota type-checked against every tool that it means. */
import type { JsonObject } from '../../model/json.ts';
import { checkSyntax, compileExpression } from '../cel/compile-expression.ts';
import type { CompiledExpression, Expression, ResultType } from '../cel/compile-expression.ts';
import { reservedNames } from '../cel/inspect-expression.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { PolicyResource, QuotaSpec, RuleSpec, ToolSelector } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import { escapePointer } from '../json-pointer.ts';
import { parseDurationMs } from '../quantity.ts';
import { DEFAULT_BOUNDARY } from '../revision.ts';
import type { CompiledQuota, CompiledRule } from '../revision.ts';
import { isGlob, selectsTool } from '../selectors.ts';
import { readLimits } from '../tool-limits.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';

/** Pairs of rule or quota and tool in one revision: what its indexes hold. */
export const BINDINGS_MAX = 500_000;

/** What policies are compiled against, and where their rules go. */
export interface PolicyContext {
  readonly findings: Findings;
  readonly tools: ReadonlyMap<string, CompiledTool>;
  readonly boundaryNames: ReadonlySet<string>;
  readonly broken: ReadonlySet<string>;
  readonly rules: ReadonlyMap<string, CompiledRule[]>;
  readonly quotas: ReadonlyMap<string, CompiledQuota[]>;
  /** Next place in the order of decision. */
  nextOrdinal: number;
  bindings: number;
}

/** Policies must come in the order of their names. */
export function compilePolicy(resource: PolicyResource, context: PolicyContext): void {
  new PolicyCompiler(resource, context).compile();
}

class PolicyCompiler {
  readonly #resource: PolicyResource;
  readonly #context: PolicyContext;
  readonly #findings: Findings;
  readonly #conditions: ReadonlyMap<string, string>;
  readonly #usedConditions = new Set<string>();
  /** By tool, wanted type and source: rules of one policy tend to share conditions. */
  readonly #expressions = new Map<string, CompiledExpression>();

  constructor(resource: PolicyResource, context: PolicyContext) {
    this.#resource = resource;
    this.#context = context;
    this.#findings = context.findings;
    this.#conditions = new Map(Object.entries(resource.spec.conditions ?? {}));
  }

  compile(): void {
    const { spec, source } = this.#resource;
    this.#checkConditions();
    this.#checkNames('rules', spec.rules ?? []);
    this.#checkNames('quotas', spec.quotas ?? []);
    if (spec.rules === undefined && spec.quotas === undefined) {
      this.#findings.error(source, '/spec', 'a policy needs rules or quotas');
    }
    for (const [at, rule] of (spec.rules ?? []).entries()) this.#compileRule(rule, `/spec/rules/${at}`);
    for (const [at, quota] of (spec.quotas ?? []).entries()) this.#compileQuota(quota, `/spec/quotas/${at}`);
    for (const name of this.#conditions.keys()) {
      if (this.#usedConditions.has(name) || this.#context.broken.size > 0) continue;
      this.#findings.warn(source, `/spec/conditions/${name}`, `the condition "${name}" is used nowhere`);
    }
  }

  #checkConditions(): void {
    const { source } = this.#resource;
    const [anyTool] = this.#context.tools.values();
    for (const [name, text] of this.#conditions) {
      const pointer = `/spec/conditions/${escapePointer(name)}`;
      if (reservedNames.has(name))
        this.#findings.error(source, pointer, `"${name}" already means something else`);
      const mistake = anyTool === undefined ? null : checkSyntax(text, anyTool.environment);
      if (mistake !== null) this.#findings.errorInText(source, pointer, mistake.offset, mistake.message);
    }
  }

  #checkNames(list: 'rules' | 'quotas', items: readonly { readonly name: string }[]): void {
    const seen = new Set<string>();
    for (const [at, { name }] of items.entries()) {
      if (seen.has(name)) {
        this.#findings.error(
          this.#resource.source,
          `/spec/${list}/${at}/name`,
          `"${name}" stands here twice`,
        );
      }
      seen.add(name);
    }
  }

  #compileRule(rule: RuleSpec, pointer: string): void {
    const { source, metadata, spec } = this.#resource;
    const ordinal = this.#context.nextOrdinal++;
    this.#checkRule(rule, pointer);
    const limits = readLimits(rule.limits, (field, message) =>
      this.#findings.error(source, `${pointer}/limits/${field}`, message),
    );
    for (const tool of this.#select(rule.tools, `${pointer}/tools`)) {
      const when =
        rule.when === undefined ? null : this.#expression(tool, rule.when, `${pointer}/when`, 'bool');
      const compiled: CompiledRule = deepFreeze({
        ordinal,
        policy: metadata.name,
        name: rule.name,
        id: `${metadata.name}/${rule.name}`,
        effect: rule.effect,
        subjects: spec.subjects,
        when,
        message: rule.message ?? null,
        limits,
        boundary: rule.boundary ?? null,
      });
      if (this.#bind(pointer)) this.#context.rules.get(tool.tool.name)?.push(compiled);
    }
  }

  #checkRule(rule: RuleSpec, pointer: string): void {
    const { source } = this.#resource;
    const { boundaryNames, broken } = this.#context;
    if (rule.effect === 'deny' && rule.limits !== undefined) {
      this.#findings.error(
        source,
        `${pointer}/limits`,
        'a deny rule runs nothing that limits could apply to',
      );
    }
    if (rule.effect === 'limit' && rule.limits === undefined) {
      this.#findings.error(source, pointer, 'a limit rule needs limits');
    }
    const { boundary } = rule;
    if (boundary === undefined || boundary === DEFAULT_BOUNDARY) return;
    if (boundaryNames.has(boundary) || broken.has(`Boundary/${boundary}`)) return;
    const hint = didYouMeanHint(boundary, boundaryNames);
    this.#findings.error(source, `${pointer}/boundary`, `unknown boundary "${boundary}"`, hint);
  }

  #compileQuota(quota: QuotaSpec, pointer: string): void {
    const { source, metadata, spec } = this.#resource;
    const ordinal = this.#context.nextOrdinal++;
    if (quota.unit === 'calls' && quota.window === undefined) {
      this.#findings.error(source, pointer, 'a quota of calls needs a window', 'add window: 1m');
    }
    if (quota.unit === 'concurrent' && quota.window !== undefined) {
      this.#findings.error(
        source,
        `${pointer}/window`,
        'a quota of concurrent calls has no window',
        'remove it',
      );
    }
    const tools =
      quota.tools === undefined
        ? this.#context.tools.values()
        : this.#select(quota.tools, `${pointer}/tools`);
    for (const tool of tools) {
      const key = this.#expression(tool, quota.key, `${pointer}/key`, 'scalar');
      if (key === null || !this.#bind(pointer)) continue;
      const compiled: CompiledQuota = deepFreeze({
        ordinal,
        policy: metadata.name,
        name: quota.name,
        subjects: spec.subjects,
        key,
        unit: quota.unit,
        limit: quota.limit,
        windowMs: quota.window === undefined ? 0 : parseDurationMs(quota.window),
      });
      this.#context.quotas.get(tool.tool.name)?.push(compiled);
    }
  }

  #bind(pointer: string): boolean {
    if (this.#context.bindings++ < BINDINGS_MAX) return true;
    if (this.#context.bindings === BINDINGS_MAX + 1) {
      this.#findings.error(
        this.#resource.source,
        pointer,
        `more than ${BINDINGS_MAX} pairs of rule and tool`,
      );
    }
    return false;
  }

  /** The tools that a list of selectors means, each once. */
  #select(selectors: readonly ToolSelector[], pointer: string): Iterable<CompiledTool> {
    const selected = new Set<CompiledTool>();
    for (const [at, selector] of selectors.entries()) {
      const found = this.#selectOne(selector);
      if (found.length === 0) this.#complainOfSelector(selector, `${pointer}/${at}`);
      for (const tool of found) selected.add(tool);
    }
    return selected;
  }

  #selectOne(selector: ToolSelector): readonly CompiledTool[] {
    const { tools } = this.#context;
    if (typeof selector !== 'string' || isGlob(selector)) {
      return [...tools.values()].filter(({ tool }) => selectsTool(selector, tool));
    }
    const tool = tools.get(selector);
    return tool === undefined ? [] : [tool];
  }

  #complainOfSelector(selector: ToolSelector, pointer: string): void {
    const { source } = this.#resource;
    const { tools, broken } = this.#context;
    if (typeof selector !== 'string' || isGlob(selector)) {
      if ([...broken].some((name) => name.startsWith('Tool/'))) return;
      const wanted =
        typeof selector === 'string'
          ? `matches "${selector}"`
          : `has the labels ${selector.labels.join(', ')}`;
      this.#findings.error(
        source,
        pointer,
        `no tool ${wanted}`,
        'a rule that never applies is a mistake: remove it',
      );
    } else if (!broken.has(`Tool/${selector}`)) {
      this.#findings.error(
        source,
        pointer,
        `unknown tool "${selector}"`,
        didYouMeanHint(selector, tools.keys()),
      );
    }
  }

  #expression(tool: CompiledTool, text: string, pointer: string, result: ResultType): Expression | null {
    const { name } = tool.tool;
    const key = JSON.stringify([name, result, text]);
    let compiled = this.#expressions.get(key);
    if (compiled === undefined) {
      const context = { environment: tool.environment, input: tool.resource.spec.input as JsonObject };
      compiled = compileExpression(text, context, this.#conditions, result);
      this.#expressions.set(key, compiled);
    }
    for (const condition of compiled.conditions) this.#usedConditions.add(condition);
    const { source } = this.#resource;
    for (const { offset, message, hint } of compiled.mistakes) {
      this.#findings.errorInText(source, pointer, offset, `${message} (for the tool ${name})`, hint);
    }
    for (const { offset, message, hint } of compiled.warnings) {
      this.#findings.warnInText(source, pointer, offset, `${message} (for the tool ${name})`, hint);
    }
    return compiled.expression;
  }
}
