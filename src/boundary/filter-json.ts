/**
 * Filters a JSON value: its string leaves and its keys, each with what stands beside it. Nothing is replaced inside
 * serialised JSON, so the result has the shape of what came in; an unchanged value comes back as the same object.
 * Hostile: every key and every leaf. Throws `LimitExceeded` for what is too deep or too large.
 */
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { FilterPass, Place } from './filter-pass.ts';
import { applyHits, settle, spend } from './filter-pass.ts';
import { boundaryLimits, LimitExceeded } from './limits.ts';
import type { Pointer } from './pointer.ts';
import { scanInContext, scanText } from './scan-text.ts';
import { findSplitSecrets } from './split-secrets.ts';

export function filterJson(value: JsonValue, pointer: Pointer, pass: FilterPass): JsonValue {
  return settle(value, (value, round) => {
    const [filtered] = filterSiblings([{ value, pointer, context: '' }], 0, round, pass);
    return filtered ?? null;
  });
}

/** One value of an array or object, with the key (its own or the nearest above) that gives it meaning. */
interface Sibling {
  readonly value: JsonValue;
  readonly pointer: Pointer;
  readonly context: string;
}

function filterSiblings(
  siblings: readonly Sibling[],
  depth: number,
  round: number,
  pass: FilterPass,
): JsonValue[] {
  if (depth > boundaryLimits.depthMax) throw new LimitExceeded('input-too-deep');
  const texts = siblings.map(({ value }) => (typeof value === 'string' ? value.toWellFormed() : ''));
  const split = findSplitSecrets(texts, pass.scanner);
  let previous = '';
  return siblings.map(({ value, pointer, context }, index) => {
    if (typeof value !== 'string') return filterContainer(value, pointer, context, depth, round, pass);
    const text = texts[index] ?? '';
    if (round === 1) spend(pass, text.length);
    const hits = scanText(text, pass.scanner).concat(split.get(index) ?? []);
    for (const beside of [context, previous]) hits.push(...scanBeside(beside, text, pass));
    previous = text;
    return applyHits(text, hits, placeOf(pointer), round, pass);
  });
}

/** A secret that only its key or the string before it gives away: `{"Authorization": "Bearer …"}`, `["Authorization", "Bearer …"]`. */
function scanBeside(beside: string, text: string, { scanner }: FilterPass) {
  const context = beside.slice(-boundaryLimits.contextUnitsMax);
  if (!scanner.isContext(context)) return [];
  return scanInContext(context, text.slice(0, boundaryLimits.contextValueUnitsMax), scanner);
}

function filterContainer(
  value: Exclude<JsonValue, string>,
  pointer: Pointer,
  context: string,
  depth: number,
  round: number,
  pass: FilterPass,
): JsonValue {
  if (Array.isArray(value)) {
    const siblings = value.map((each, index) => ({ value: each, pointer: pointer.child(index), context }));
    const filtered = filterSiblings(siblings, depth + 1, round, pass);
    return filtered.every((each, index) => each === value[index]) ? value : filtered;
  }
  return typeof value === 'object' && value !== null
    ? filterObject(value, pointer, depth, round, pass)
    : value;
}

function filterObject(
  object: JsonObject,
  pointer: Pointer,
  depth: number,
  round: number,
  pass: FilterPass,
): JsonObject {
  const keys = Object.keys(object);
  const siblings = keys.map((key) => ({
    value: object[key] ?? null,
    pointer: pointer.child(key),
    context: key,
  }));
  const values = filterSiblings(siblings, depth + 1, round, pass);
  const cleanKeys = keys.map((key, index) =>
    filterKey(key, siblings[index]?.pointer ?? pointer, round, pass),
  );
  const isUnchanged = keys.every((key, index) => cleanKeys[index] === key && values[index] === object[key]);
  return isUnchanged ? object : assemble(keys, cleanKeys, values);
}

function filterKey(key: string, pointer: Pointer, round: number, pass: FilterPass): string {
  const text = key.toWellFormed();
  if (round === 1) spend(pass, text.length);
  return applyHits(text, scanText(text, pass.scanner), placeOf(pointer), round, pass);
}

/** Keys that became equal are numbered; keys that stayed keep their name. A null prototype makes `__proto__` a key like any other. */
function assemble(
  keys: readonly string[],
  cleanKeys: readonly string[],
  values: readonly JsonValue[],
): JsonObject {
  const taken = new Set(cleanKeys.filter((key, index) => key === keys[index]));
  const counts = new Map<string, number>();
  const object: JsonObject = Object.create(null) as JsonObject;
  for (const [index, key] of cleanKeys.entries()) {
    object[key === keys[index] ? key : freeKey(key, taken, counts)] = values[index] ?? null;
  }
  return object;
}

function freeKey(key: string, taken: Set<string>, counts: Map<string, number>): string {
  let candidate = key;
  let count = counts.get(key) ?? 1;
  while (taken.has(candidate)) candidate = `${key}#${++count}`;
  counts.set(key, count);
  taken.add(candidate);
  return candidate;
}

function placeOf(pointer: Pointer): Place {
  return {
    get place() {
      return pointer.toString();
    },
    where: () => pointer.toString(),
  };
}
