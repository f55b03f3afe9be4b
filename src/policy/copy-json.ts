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
    for (let index = 0; index < copy.length; index += 1) {
      const item = copy[index];
      if (typeof item === 'object' && item !== null) copy[index] = copyJson(item, depth + 1);
    }
    return copy;
  }
  const copy: Record<string, JsonValue> = {};
  for (const key of Object.keys(value)) {
    const item = copyJson(value[key] as JsonValue, depth + 1);
    // To assign to it would be to set a prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { ...plainMember, value: item });
    else copy[key] = item;
  }
  return copy;
}

const plainMember = { enumerable: true, configurable: true, writable: true } as const;
