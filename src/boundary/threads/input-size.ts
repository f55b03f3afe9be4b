import type { JsonValue } from '../../model/json.ts';
import type { ToolOutput } from '../boundary.ts';

/** Units of all strings and keys, and one for each value. */
export function jsonUnits(root: JsonValue): number {
  if (typeof root !== 'object' || root === null) return typeof root === 'string' ? root.length : 1;
  let units = 0;
  const rest: JsonValue[] = [root];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    units += typeof value === 'string' ? value.length : 1;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const element of value) rest.push(element);
      continue;
    }
    for (const key of Object.keys(value)) {
      units += key.length;
      rest.push(value[key] ?? null);
    }
  }
  return units;
}

/** The same of everything that a call produced; bytes count as units. */
export function outputUnits({ result, error, stdout, stderr, artifacts }: ToolOutput): number {
  let units = jsonUnits(result) + stdout.length + stderr.length;
  if (error !== null) units += error.name.length + error.message.length + (error.stack?.length ?? 0);
  for (const { name, mediaType, data } of artifacts) units += name.length + mediaType.length + data.length;
  return units;
}
