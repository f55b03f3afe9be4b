/** Policies that give what was used, and nothing else: the rules that grant, narrowed to the calls that they let through. */
import { canonicalJson } from '../canonical-json.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Revision } from '../revision.ts';
import { argumentRange } from './argument-range.ts';

/** Calls that a rule let through. */
export interface RuleUse {
  /** By tool: their arguments, null where not all of them are known as they were. */
  readonly tools: ReadonlyMap<string, readonly (JsonObject | null)[]>;
}

export interface NarrowedRule {
  /** `policy/rule`. */
  readonly rule: string;
  readonly calls: number;
  /** Tools that it is narrowed to; none: it granted nothing, and is left out. */
  readonly tools: readonly string[];
}

export interface NarrowedPolicies {
  /** Whole documents of the kind Policy, in order of their names; one that would have no rule and no quota is left out. */
  readonly documents: readonly JsonObject[];
  readonly rules: readonly NarrowedRule[];
  /** Content of the revision with them in place. */
  readonly content: string;
}

/** As the schema has it; the rest is kept as it is. */
type Rule = JsonObject & { readonly name: string; readonly effect: string; readonly when?: string };

const grants: ReadonlySet<string> = new Set(['allow', 'require_approval']);

/** `uses` by `policy/rule`. What denies, limits and counts stays as it is; policies in shadow mode, too. */
export function narrowPolicies(
  { content, tools }: Pick<Revision, 'content' | 'tools'>,
  uses: ReadonlyMap<string, RuleUse>,
): NarrowedPolicies {
  const { code, documents } = JSON.parse(content) as { code: JsonObject; documents: JsonObject[] };
  const rules: NarrowedRule[] = [];
  const narrowed = documents.flatMap((document): JsonObject[] => {
    if (document['kind'] !== 'Policy') return [document];
    const { name } = document['metadata'] as { name: string };
    const spec = document['spec'] as JsonObject;
    if (spec['mode'] === 'shadow') return [document];
    const kept = ((spec['rules'] ?? []) as Rule[]).flatMap((rule): readonly Rule[] => {
      if (!grants.has(rule.effect)) return [rule];
      const id = `${name}/${rule.name}`;
      const use = uses.get(id)?.tools ?? new Map<string, readonly (JsonObject | null)[]>();
      const calls = [...use.values()].reduce((sum, { length }) => sum + length, 0);
      rules.push({ rule: id, calls, tools: [...use.keys()].toSorted() });
      return narrowRule(rule, use, tools);
    });
    if (kept.length > 0) return [{ ...document, spec: { ...spec, rules: kept } }];
    const { rules: _none, ...rest } = spec;
    return rest['quotas'] === undefined ? [] : [{ ...document, spec: rest }];
  });
  return {
    documents: narrowed.filter(({ kind }) => kind === 'Policy'),
    rules,
    content: canonicalJson({ code, documents: narrowed }),
  };
}

/** Tools whose arguments kept to a range get a rule of their own, beside one for the others. */
function narrowRule(rule: Rule, use: RuleUse['tools'], tools: Revision['tools']): readonly Rule[] {
  const plain: string[] = [];
  const ranged: Rule[] = [];
  for (const [tool, calls] of [...use].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const known = calls.filter((args) => args !== null);
    const input = tools.get(tool)?.input ?? {};
    const range = known.length === calls.length ? argumentRange(input, known) : [];
    if (range.length === 0) plain.push(tool);
    else
      ranged.push({ ...rule, name: nameFor(rule.name, tool), tools: [tool], when: both(rule.when, range) });
  }
  return [...(plain.length === 0 ? [] : [{ ...rule, tools: plain }]), ...ranged];
}

/** As names of rules are: 64 characters at most. */
function nameFor(name: string, tool: string): string {
  return `${name.slice(0, Math.max(1, 63 - tool.length))}-${tool}`.slice(0, 64);
}

function both(when: string | undefined, range: readonly string[]): string {
  return [...(when === undefined ? [] : [`(${when.trim()})`]), ...range].join(' && ');
}
