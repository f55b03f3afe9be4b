/**
 * Filters a JSON value: its string leaves and its keys, each with what stands beside it. Nothing is replaced inside
 * serialised JSON, so the result has the shape of what came in; an unchanged value comes back as the same object.
 * Hostile: every key and every leaf. Throws `LimitExceeded` for what is too deep or too large.
 */
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { FilterPass, Place } from './filter-pass.ts';
import { glanceAtJson } from './clean-json.ts';
import { applyHits, settle, spend } from './filter-pass.ts';
import { boundaryLimits, LimitExceeded } from './limits.ts';
import type { Pointer } from './pointer.ts';
import type { Hit } from './scan-text.ts';
import { isNumberContext, scanInContext, scanNumbersInContext, scanText } from './scan-text.ts';
import { findSplitSecrets } from './split-secrets.ts';

export function filterJson(value: JsonValue, pointer: Pointer, pass: FilterPass): JsonValue {
  const isContainer = typeof value === 'object' && value !== null;
  const isPassed = isContainer && glanceAtJson(value, pass) !== 'unclear';
  return isPassed ? value : filterEachString(value, pointer, pass);
}

/** The same without a look at the whole first. */
export function filterEachString(value: JsonValue, pointer: Pointer, pass: FilterPass): JsonValue {
  return settle(value, (value, round) => {
    const alone: Siblings = { values: [value], pointerTo: () => pointer, contextOf: () => '' };
    return filterSiblings(alone, 0, round, pass)[0] ?? null;
  });
}

/** The values of an array or object, in order. */
interface Siblings {
  readonly values: readonly JsonValue[];
  readonly pointerTo: (index: number) => Pointer;
  /** The key that gives a value meaning: its own, or that of the array which it is in. */
  readonly contextOf: (index: number) => string;
}

function filterSiblings(siblings: Siblings, depth: number, round: number, pass: FilterPass): JsonValue[] {
  if (depth > boundaryLimits.depthMax) throw new LimitExceeded('input-too-deep');
  const { values, pointerTo, contextOf } = siblings;
  const texts = values.map((value) => (typeof value === 'string' ? value.toWellFormed() : ''));
  // Before any of them is scanned: what is too large as a whole costs nothing then.
  if (round === 1) for (const text of texts) spend(pass, text.length);
  const split = findSplitSecrets(texts, pass.scanner, pass.decoding);
  let previous = '';
  return values.map((value, index) => {
    if (typeof value !== 'string') {
      const isContainer = typeof value === 'object' && value !== null;
      return isContainer
        ? filterContainer(value, pointerTo(index), contextOf(index), depth, round, pass)
        : value;
    }
    const text = texts[index] ?? '';
    const hits = scanText(text, pass.scanner, pass.decoding);
    hits.push(...(split.get(index) ?? []));
    for (const beside of [contextOf(index), previous]) hits.push(...scanBeside(beside, text, pass));
    previous = text;
    return applyHits(
      text,
      hits,
      placeOf(() => pointerTo(index)),
      round,
      pass,
    ).text;
  });
}

/** A secret or number that only its key or the string before it gives away: `{"Authorization": "Bearer …"}`, `["Authorization", "Bearer …"]`. */
function scanBeside(beside: string, text: string, { scanner }: FilterPass): readonly Hit[] {
  const { contextUnitsMax, contextValueUnitsMin, contextValueUnitsMax } = boundaryLimits;
  if (beside === '') return noHits;
  if (isNumberContext(beside, text)) return scanNumbersInContext(beside, text, scanner);
  if (text.length < contextValueUnitsMin) return noHits;
  const context = beside.slice(-contextUnitsMax);
  if (!scanner.isContext(context)) return noHits;
  return scanInContext(context, text.slice(0, contextValueUnitsMax), scanner);
}

const noHits: readonly Hit[] = [];

function filterContainer(
  value: JsonValue[] | JsonObject,
  pointer: Pointer,
  context: string,
  depth: number,
  round: number,
  pass: FilterPass,
): JsonValue {
  if (!Array.isArray(value)) return filterObject(value, pointer, depth, round, pass);
  const siblings = {
    values: value,
    pointerTo: (index: number) => pointer.child(index),
    contextOf: () => context,
  };
  const filtered = filterSiblings(siblings, depth + 1, round, pass);
  return filtered.every((each, index) => each === value[index]) ? value : filtered;
}

function filterObject(
  object: JsonObject,
  pointer: Pointer,
  depth: number,
  round: number,
  pass: FilterPass,
): JsonObject {
  const keys = Object.keys(object);
  const keyAt = (index: number) => keys[index] ?? '';
  const pointerTo = (index: number) => pointer.child(keyAt(index));
  const values = keys.map((key) => object[key] ?? null);
  const filtered = filterSiblings({ values, pointerTo, contextOf: keyAt }, depth + 1, round, pass);
  const cleanKeys = keys.map((key, index) =>
    filterKey(
      key,
      placeOf(() => pointerTo(index)),
      round,
      pass,
    ),
  );
  const isUnchanged = keys.every(
    (key, index) => cleanKeys[index] === key && filtered[index] === values[index],
  );
  return isUnchanged ? object : assemble(keys, cleanKeys, filtered);
}

function filterKey(key: string, place: Place, round: number, pass: FilterPass): string {
  const text = key.toWellFormed();
  if (round === 1) spend(pass, text.length);
  return applyHits(text, scanText(text, pass.scanner, pass.decoding), place, round, pass).text;
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

/** A finding's place in JSON is the whole leaf or key. The pointer is made only when something is found there. */
function placeOf(pointerTo: () => Pointer): Place {
  const place = () => pointerTo().toString();
  return { place, where: place };
}
