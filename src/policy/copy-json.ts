import type { JsonValue } from '../model/json.ts';

/** Deepest nesting of arguments and documents that this room walks. */
export const JSON_DEPTH_MAX = 64;

/**
 * A deep copy that shares nothing with its source; a key named `__proto__` stays a plain key.
 * Throws `RangeError` past `JSON_DEPTH_MAX`.
 */
export function copyJson(value: JsonValue, depth = 0): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (depth >= JSON_DEPTH_MAX) throw new RangeError(`nested deeper than ${JSON_DEPTH_MAX} levels`);
  if (Array.isArray(value)) {
    const copy = value.slice();
    for (const [index, item] of value.entries())
      if (typeof item === 'object' && item !== null) copy[index] = copyJson(item, depth + 1);
    return copy;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyJson(item, depth + 1)]));
}
