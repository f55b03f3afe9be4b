/**
 * What compiles and is still not what its author meant: rules that can never decide anything, quotas and limits that
 * never bind. Sound, not complete: what is reported is so for every call; what only some calls would show is not looked
 * for.
 */
import type { Limits } from '../../model/limits.ts';
import type { SourceDocument, SubjectEntry, SubjectMatch } from '../documents.ts';
import { boundOf, conjunctsOf } from '../cel/argument-bounds.ts';
import { isImpossible } from '../cel/impossible-bound.ts';
import type { CompiledQuota, CompiledRule } from '../revision.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';
import { remarkOnUnit } from './lint-quota-units.ts';

/** Pairs of rules that are compared; past it the rest is not looked at, and a warning says so. */
const PAIRS_MAX = 2_000_000;

/** A rule or quota with its place, as it applies to each tool that it means. */
export interface Bound<T> {
  readonly source: SourceDocument;
  readonly pointer: string;
  readonly byTool: ReadonlyMap<string, T>;
}

export interface LintInput {
  readonly tools: ReadonlyMap<string, CompiledTool>;
  readonly rules: readonly Bound<CompiledRule>[];
  readonly quotas: readonly Bound<CompiledQuota>[];
  readonly findings: Findings;
}

export function lintRules(input: LintInput): void {
  const linter = new Linter(input);
  for (const rule of input.rules) linter.checkRule(rule);
  for (const quota of input.quotas) linter.checkQuota(quota);
}

class Linter {
  readonly #input: LintInput;
  /** By tool: rules whose condition always holds, and rules by the text of their condition. */
  readonly #unconditional = new Map<string, Bound<CompiledRule>[]>();
  readonly #byCondition = new Map<string, Bound<CompiledRule>[]>();
  readonly #quotas = new Map<string, Bound<CompiledQuota>[]>();
  #pairs = 0;

  constructor(input: LintInput) {
    this.#input = input;
    for (const rule of input.rules) {
      for (const [tool, { when }] of rule.byTool) {
        if (when === null) append(this.#unconditional, tool, rule);
        else append(this.#byCondition, `${tool}\n${when.text}`, rule);
      }
    }
    for (const quota of input.quotas) {
      for (const [tool, { key, unit }] of quota.byTool)
        append(this.#quotas, `${tool}\n${unit}\n${key.text}`, quota);
    }
  }

  checkRule(rule: Bound<CompiledRule>): void {
    const constant = constantOf(rule);
    if (constant !== null) {
      const message = constant
        ? 'this condition always holds'
        : 'this condition never holds: the rule is unreachable';
      this.#warn(rule, '/when', message, constant ? 'remove it' : 'remove the rule');
      return;
    }
    const impossible = this.#impossibleBoundOf(rule);
    if (impossible !== null) {
      this.#warn(
        rule,
        '/when',
        `this rule is unreachable: ${impossible}`,
        'correct the bound, or remove the rule',
      );
      return;
    }
    const cover = this.#coverOf(rule);
    if (cover !== null) this.#warn(rule, '', describeCover(rule, cover), 'remove one of them');
    else this.#checkLimits(rule);
  }

  checkQuota(quota: Bound<CompiledQuota>): void {
    const [tool, own] = firstOf(quota);
    if (tool === undefined || own === undefined) return;
    const remark = remarkOnUnit(quota.byTool, this.#input.tools);
    if (remark !== null) return this.#warn(quota, '', remark.message, remark.hint);
    const candidates = this.#quotas.get(`${tool}\n${own.unit}\n${own.key.text}`) ?? [];
    const tighter = candidates.find(
      (other) => other !== quota && this.#countPair() && bindsFirst(other, quota),
    );
    if (tighter === undefined) return;
    const [, { policy, name, limit }] = definiteFirst(tighter);
    const message = `this quota never binds: ${policy}/${name} (${limit}, ${placeOf(tighter)}) is reached first`;
    this.#warn(quota, '', message, 'remove it, or lower its limit');
  }

  /** What the condition wants that no arguments of any of its tools have. */
  #impossibleBoundOf({ byTool }: Bound<CompiledRule>): string | null {
    const found = [...byTool].map(([name, { effect, when }]) => {
      const input = this.#input.tools.get(name)?.input;
      if (when === null || input === undefined) return null;
      const bound = conjunctsOf(when.ast)
        .filter(({ op }) => op !== '||')
        .map(boundOf)
        .find((bound) => bound !== null && isImpossible(bound, input, effect !== 'allow'));
      return bound ? `args.${bound.path.join('.')} of ${name} is never ${bound.allowed}` : null;
    });
    return found.includes(null) ? null : (found[0] ?? null);
  }

  /** Another rule that makes this one void for every tool that it means. */
  #coverOf(rule: Bound<CompiledRule>): Bound<CompiledRule> | null {
    const [tool, own] = firstOf(rule);
    if (tool === undefined || own === undefined) return null;
    const same = own.when === null ? [] : (this.#byCondition.get(`${tool}\n${own.when.text}`) ?? []);
    const candidates = [...(this.#unconditional.get(tool) ?? []), ...same];
    const covers = candidates.filter((other) => other !== rule && this.#countPair() && voids(other, rule));
    return covers.find((other) => definiteFirst(other)[1].effect === 'deny') ?? covers[0] ?? null;
  }

  /** Limits at or above what each tool has anyway. */
  #checkLimits(rule: Bound<CompiledRule>): void {
    const [, own] = firstOf(rule);
    for (const name of Object.keys(own?.limits ?? {}) as (keyof Limits)[]) {
      const isVoid = [...rule.byTool].every(([tool, { limits }]) => {
        const ofTool = this.#input.tools.get(tool)?.tool.limits[name];
        return ofTool !== undefined && (limits[name] ?? 0) >= ofTool;
      });
      if (!isVoid) continue;
      const message = `${name} ${own?.limits[name]} changes nothing: no tool of this rule has more`;
      this.#warn(rule, '/limits', message, 'lower it, or remove it');
    }
  }

  #countPair(): boolean {
    this.#pairs++;
    if (this.#pairs === PAIRS_MAX) {
      const [first] = this.#input.rules;
      if (first !== undefined)
        this.#warn(first, '', 'too many rules to compare each with each: some are not looked at');
    }
    return this.#pairs < PAIRS_MAX;
  }

  #warn({ source, pointer }: Bound<unknown>, field: string, message: string, hint?: string): void {
    this.#input.findings.warn(source, pointer + field, message, hint);
  }
}

/** What a condition without variables says, or null for all others. */
function constantOf(rule: Bound<CompiledRule>): boolean | null {
  const [, own] = firstOf(rule);
  const { ast } = own?.when ?? {};
  return ast?.op === 'value' && typeof ast.args === 'boolean' ? ast.args : null;
}

/** Whether `other` applies whenever `rule` does and leaves it nothing to say. */
function voids(other: Bound<CompiledRule>, rule: Bound<CompiledRule>): boolean {
  for (const [tool, own] of rule.byTool) {
    const theirs = other.byTool.get(tool);
    if (theirs === undefined || !isVoidBeside(own, theirs)) return false;
  }
  return true;
}

function isVoidBeside(own: CompiledRule, theirs: CompiledRule): boolean {
  if (theirs.when !== null && theirs.when.text !== own.when?.text) return false;
  if (!coversSubjects(theirs.subjects, own.subjects)) return false;
  if (theirs.effect === 'deny' && own.effect !== 'deny') return true;
  // A condition that fails makes a denial apply and a grant not: of equal effect, both fail alike.
  if (theirs.effect !== own.effect || own.effect === 'require_approval') return false;
  const isBothWays = isVoidFor(theirs, own) && coversSubjects(own.subjects, theirs.subjects);
  const isSameCondition = theirs.when?.text === own.when?.text;
  // Of two that say the same, the later one is reported.
  if (isBothWays && isSameCondition && theirs.ordinal > own.ordinal) return false;
  return isVoidFor(own, theirs);
}

/** Whether a rule adds nothing to another of the same effect that applies as well. */
function isVoidFor(own: CompiledRule, theirs: CompiledRule): boolean {
  if (own.boundary !== null && own.boundary !== theirs.boundary) return false;
  if (own.effect === 'deny') return true;
  const names = new Set([...Object.keys(own.limits), ...Object.keys(theirs.limits)]) as Set<keyof Limits>;
  return [...names].every((name) => {
    const [mine, other] = [own.limits[name], theirs.limits[name]];
    if (own.effect === 'allow') return other === undefined || (mine !== undefined && mine <= other);
    return mine === undefined || (other !== undefined && other <= mine);
  });
}

function bindsFirst(other: Bound<CompiledQuota>, quota: Bound<CompiledQuota>): boolean {
  for (const [tool, own] of quota.byTool) {
    const theirs = other.byTool.get(tool);
    if (theirs === undefined || theirs.unit !== own.unit || theirs.key.text !== own.key.text) return false;
    if (theirs.amount?.text !== own.amount?.text) return false;
    if (!coversSubjects(theirs.subjects, own.subjects)) return false;
    if (theirs.limit > own.limit || theirs.windowMs < own.windowMs) return false;
    const isSame = theirs.limit === own.limit && theirs.windowMs === own.windowMs;
    if (isSame && theirs.ordinal > own.ordinal && coversSubjects(own.subjects, theirs.subjects)) return false;
  }
  return true;
}

/** Whether everybody whom `inner` means is meant by `outer`. */
export function coversSubjects(outer: readonly SubjectEntry[], inner: readonly SubjectEntry[]): boolean {
  if (outer === inner) return true;
  return inner.every((entry) => outer.some((candidate) => coversEntry(candidate, entry)));
}

function coversEntry(outer: SubjectEntry, inner: SubjectEntry): boolean {
  if (outer.except !== undefined && JSON.stringify(outer.except) !== JSON.stringify(inner.except))
    return false;
  return (['ids', 'roles', 'tenants'] as const).every((key) => coversKey(outer, inner, key));
}

function coversKey(outer: SubjectMatch, inner: SubjectMatch, key: 'ids' | 'roles' | 'tenants'): boolean {
  const allowed = outer[key];
  return allowed === undefined || (inner[key]?.every((name) => allowed.includes(name)) ?? false);
}

function describeCover(rule: Bound<CompiledRule>, cover: Bound<CompiledRule>): string {
  const [[, own], [, other]] = [definiteFirst(rule), definiteFirst(cover)];
  const place = `${other.id} (${placeOf(cover)})`;
  if (other.effect === own.effect)
    return `this ${own.effect} rule is shadowed: ${place} says the same or more`;
  return `this ${own.effect} rule is unreachable: ${place} denies every call that it could match`;
}

function placeOf({ source, pointer }: Bound<unknown>): string {
  const { line, column } = source.locate(pointer);
  return `${source.file}:${line}:${column}`;
}

function firstOf<T>({ byTool }: Bound<T>): readonly [string, T] | readonly [undefined, undefined] {
  const [first] = byTool;
  return first ?? [undefined, undefined];
}

function definiteFirst<T>(bound: Bound<T>): readonly [string, T] {
  const [tool, value] = firstOf(bound);
  if (tool === undefined) throw new Error('a rule that means no tool was compared');
  return [tool, value];
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
