/**
 * For a denied call, a permitted one close by. Built only from bounds on arguments in `allow` rules whose subject and
 * tool match, so it tells nothing that the caller may not know; offered only after it was validated and decided itself.
 */
import type { NearestCall } from '../model/decision.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Conjunct } from './cel/compile-expression.ts';
import type { Variables } from './cel/principal-values.ts';
import { copyJson } from './copy-json.ts';
import { decideRules } from './decide-rules.ts';
import { variablesOf } from './evaluate-rule.ts';
import type { CallRequest } from './evaluate-rule.ts';
import { pointerTo } from './json-pointer.ts';
import type { CompiledRule, Revision, ToolIndex } from './revision.ts';

/** Rules looked at for one denial. */
const NEAREST_RULES_MAX = 32;
/** A change can break another bound; then that one is changed as well, this often. */
const ROUNDS_MAX = 4;
/** A present value is shown up to this length. */
const SHOWN_CHARS_MAX = 40;

type Change = NearestCall['changes'][number] & { readonly path: readonly string[] };

/** The permitted call with the fewest changes, the first by order of decision among equals; or null. */
export function findNearestCall(revision: Revision, index: ToolIndex, call: CallRequest): NearestCall | null {
  const rules = index.rules
    .matching(call.principal)
    .filter(
      ({ effect, when }) =>
        effect === 'allow' && when?.conjuncts.some(({ bound }) => bound !== null) === true,
    );
  let best: NearestCall | null = null;
  for (const rule of rules.slice(0, NEAREST_RULES_MAX)) {
    const nearest = nearestFor(rule, revision, index, call);
    if (nearest !== null && (best === null || nearest.changes.length < best.changes.length)) best = nearest;
  }
  return best;
}

function nearestFor(
  rule: CompiledRule,
  revision: Revision,
  index: ToolIndex,
  call: CallRequest,
): NearestCall | null {
  const changes = new Map<string, Change>();
  let args = copyJson(call.args) as JsonObject;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const failed = failedConjuncts(rule, variablesOf(index, { ...call, args }));
    if (failed.length === 0) break;
    for (const { bound } of failed) {
      const change = bound === null ? null : changeFor(bound, args);
      if (change === null) return null;
      changes.set(change.pointer, change);
    }
    args = applied(call.args, changes.values());
  }
  if (changes.size === 0) return null;
  return permitted([...changes.values()], args, revision, index, call);
}

/** Valid against the schema as it stands, and allowed. */
function permitted(
  changes: readonly Change[],
  args: JsonObject,
  revision: Revision,
  index: ToolIndex,
  call: CallRequest,
): NearestCall | null {
  const validated = index.validateArgs(args);
  if (!validated.ok) return null;
  if (decideRules(revision, index, { ...call, args: validated.args }).effect !== 'allow') return null;
  return {
    args: validated.args,
    changes: changes.map(({ pointer, allowed, suggested }) => ({ pointer, allowed, suggested })),
    text: changes.map((change) => describeChange(change, call.args)).join('; '),
  };
}

function failedConjuncts(rule: CompiledRule, variables: Variables): readonly Conjunct[] {
  return (rule.when?.conjuncts ?? []).filter((conjunct) => {
    try {
      return !conjunct.evaluate(variables);
    } catch {
      return true;
    }
  });
}

function changeFor(bound: NonNullable<Conjunct['bound']>, args: JsonObject): Change | null {
  const suggested = bound.suggest(valueAt(args, bound.path));
  if (suggested === undefined) return null;
  return { path: bound.path, pointer: pointerTo(bound.path), allowed: bound.allowed, suggested };
}

function valueAt(args: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = args;
  for (const name of path) {
    if (value === undefined || value === null || typeof value !== 'object' || !Object.hasOwn(value, name))
      return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}

function applied(original: JsonObject, changes: Iterable<Change>): JsonObject {
  const args = copyJson(original) as JsonObject;
  for (const { path, suggested } of changes) {
    const owner = valueAt(args, path.slice(0, -1));
    const name = path.at(-1);
    if (name === undefined || owner === undefined || owner === null || typeof owner !== 'object') continue;
    Object.defineProperty(owner, name, {
      value: suggested,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return args;
}

/** `limit 500 → at most 100`. */
function describeChange({ path, allowed }: Change, args: JsonObject): string {
  const name = path.join('.');
  const current = valueAt(args, path);
  if (current === undefined) return `${name} → ${allowed}`;
  const text = JSON.stringify(current);
  return `${name} ${text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text} → ${allowed}`;
}
