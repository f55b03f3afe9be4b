/** One `Policy` document: every rule and quota type-checked against every tool that it means. */
import { checkSyntax, compileExpression } from '../cel/compile-expression.ts';
import type { CompiledExpression, Expression, ResultType } from '../cel/compile-expression.ts';
import { reservedNames } from '../cel/inspect-expression.ts';
import type { ExpressionMistake } from '../cel/inspect-expression.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { PolicyResource, QuotaSpec, RuleSpec, ToolSelector } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import { escapePointer } from '../json-pointer.ts';
import { parseDurationMs } from '../quantity.ts';
import { DEFAULT_BOUNDARY } from '../revision.ts';
import type { CompiledQuota, CompiledRule } from '../revision.ts';
import { readLimits } from '../tool-limits.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';
import { selectTools } from './select-tools.ts';

/** Pairs of rule or quota and tool in one revision: what its indexes hold. */
const BINDINGS_MAX = 500_000;

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

interface Report {
  readonly isError: boolean;
  readonly mistake: ExpressionMistake;
  readonly tools: string[];
}
/** Tools that one mistake names. */
const TOOLS_NAMED_MAX = 3;

/** Policies must come in the order of their names. */
export function compilePolicy(resource: PolicyResource, context: PolicyContext): void {
  new PolicyCompiler(resource, context).compile();
}

class PolicyCompiler {
  readonly #resource: PolicyResource;
  readonly #context: PolicyContext;
  readonly #findings: Findings;
  /** By name. One with a mistake counts as `true` for the rest, so that it is reported once. */
  readonly #conditions = new Map<string, string>();
  readonly #usedConditions = new Set<string>();
  /** By tool, wanted type and source: rules of one policy tend to share conditions. */
  readonly #expressions = new Map<string, CompiledExpression>();
  /** Mistakes and warnings of the expression at hand, with the tools for which it has them. */
  readonly #reports = new Map<string, Report>();

  constructor(resource: PolicyResource, context: PolicyContext) {
    this.#resource = resource;
    this.#context = context;
    this.#findings = context.findings;
  }

  compile(): void {
    const { spec, source } = this.#resource;
    this.#readConditions();
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

  #readConditions(): void {
    const { source, spec } = this.#resource;
    const [anyTool] = this.#context.tools.values();
    for (const [name, text] of Object.entries(spec.conditions ?? {})) {
      const pointer = `/spec/conditions/${escapePointer(name)}`;
      if (reservedNames.has(name)) {
        this.#findings.error(
          source,
          pointer,
          `"${name}" already means something else`,
          'choose another name',
        );
        continue;
      }
      const mistake = anyTool === undefined ? null : checkSyntax(text, anyTool.environment);
      if (mistake !== null) this.#findings.errorInText(source, pointer, mistake.offset, mistake.message);
      this.#conditions.set(name, mistake === null ? text : 'true');
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
      const when = rule.when === undefined ? null : this.#expression(tool, rule.when, 'bool');
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
    this.#flush(`${pointer}/when`);
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
      const key = this.#expression(tool, quota.key, 'scalar');
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
    this.#flush(`${pointer}/key`);
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

  #select(selectors: readonly ToolSelector[], pointer: string): Iterable<CompiledTool> {
    const { tools, mistakes } = selectTools(selectors, this.#context.tools, this.#context.broken);
    for (const { at, message, hint } of mistakes) {
      this.#findings.error(this.#resource.source, `${pointer}/${at}`, message, hint);
    }
    return tools;
  }

  #expression(tool: CompiledTool, text: string, result: ResultType): Expression | null {
    const { name } = tool.tool;
    const key = JSON.stringify([name, result, text]);
    let compiled = this.#expressions.get(key);
    if (compiled === undefined) {
      const context = { environment: tool.environment, input: tool.resource.spec.input };
      compiled = compileExpression(text, context, this.#conditions, result);
      this.#expressions.set(key, compiled);
    }
    for (const condition of compiled.conditions) this.#usedConditions.add(condition);
    for (const mistake of compiled.mistakes) this.#report(true, mistake, name);
    for (const warning of compiled.warnings) this.#report(false, warning, name);
    return compiled.expression;
  }

  #report(isError: boolean, mistake: ExpressionMistake, tool: string): void {
    const key = JSON.stringify([isError, mistake.offset, mistake.message, mistake.hint]);
    const known = this.#reports.get(key);
    if (known === undefined) this.#reports.set(key, { isError, mistake, tools: [tool] });
    else known.tools.push(tool);
  }

  /** Hands over what was reported for the expression at `pointer`, each mistake once. */
  #flush(pointer: string): void {
    const { source } = this.#resource;
    for (const { isError, mistake, tools } of this.#reports.values()) {
      const named = tools.slice(0, TOOLS_NAMED_MAX).join(', ');
      const more = tools.length > TOOLS_NAMED_MAX ? ` and ${tools.length - TOOLS_NAMED_MAX} more` : '';
      const message = `${mistake.message} (for ${tools.length > 1 ? 'tools' : 'tool'} ${named}${more})`;
      if (isError) this.#findings.errorInText(source, pointer, mistake.offset, message, mistake.hint);
      else this.#findings.warnInText(source, pointer, mistake.offset, message, mistake.hint);
    }
    this.#reports.clear();
  }
}
