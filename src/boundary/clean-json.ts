/**
 * Tells quickly that a JSON value holds nothing to act on. All strings are scanned together instead of one by one: most
 * values are clean, and a scan costs more to begin than a short string does to read. `unclear` only means: look closer.
 * Throws `LimitExceeded` for a clean value that is too large together with what came before it.
 */
import type { JsonValue } from '../model/json.ts';
import { createDecodeBudget } from './decoding/budget.ts';
import type { FilterPass } from './filter-pass.ts';
import { spend } from './filter-pass.ts';
import { boundaryLimits } from './limits.ts';
import { apart } from './pii/named-numbers.ts';
import type { Hit } from './scan-text.ts';
import { isNumberContext, scanJoined, scanWhole } from './scan-text.ts';
import { lastAtMost } from './view.ts';

/** No format reads past an empty line and goes on, nor a name past two, so texts on both sides are as good as alone. */
const separator = apart;

/** `blank`: nothing is found at all, whatever is done about it. `clean`: nothing that this pass acts on. */
export type Glance = 'blank' | 'clean' | 'unclear';

export function glanceAtJson(value: JsonValue, pass: FilterPass): Glance {
  const strings = collectStrings(value, pass);
  if (strings === null) return 'unclear';
  const alone = strings.alone.join(separator);
  if (!alone.isWellFormed()) return 'unclear';
  const isActedOn = ({ detector }: Hit) => pass.actionOf(detector) !== 'allow';
  // What is decoded here is not taken from what a closer look may decode.
  const decoding = createDecodeBudget();
  const { hits, hasInvisible } = scanWhole(alone, pass.scanner, decoding);
  if (hasInvisible || hits.some(isActedOn)) return 'unclear';
  const { text, isSeam } = glue(strings.groups);
  const joined = text === '' ? [] : scanJoined(text, isSeam, pass.scanner, decoding);
  if (joined.some(isActedOn)) return 'unclear';
  spend(pass, strings.units);
  return hits.length + joined.length === 0 ? 'blank' : 'clean';
}

interface Strings {
  readonly alone: string[];
  /** Neighbours in one array or object, in order: a secret may be split over them. */
  readonly groups: string[][];
  units: number;
}

/** null: too deep or too large to tell here, or a key says that its value may be a secret. */
function collectStrings(root: JsonValue, pass: FilterPass): Strings | null {
  const strings: Strings = { alone: [], groups: [], units: 0 };
  const isCollected = collect([root], () => '', 0, strings, pass);
  return isCollected ? strings : null;
}

function collect(
  values: readonly JsonValue[],
  contextOf: (index: number) => string,
  depth: number,
  strings: Strings,
  pass: FilterPass,
): boolean {
  if (depth > boundaryLimits.depthMax) return false;
  const texts: string[] = [];
  let previous = '';
  for (const [index, value] of values.entries()) {
    if (typeof value === 'string') {
      if (mayBeInContext(value, contextOf(index), pass) || mayBeInContext(value, previous, pass))
        return false;
      texts.push(value);
      previous = value;
      strings.units += value.length;
    } else if (Array.isArray(value)) {
      const context = contextOf(index);
      if (!collect(value, () => context, depth + 1, strings, pass)) return false;
    } else if (typeof value === 'object' && value !== null) {
      const keys = Object.keys(value);
      for (const key of keys) strings.units += key.length;
      strings.alone.push(...keys);
      const members = keys.map((key) => value[key] ?? null);
      if (!collect(members, (member) => keys[member] ?? '', depth + 1, strings, pass)) return false;
    }
    if (strings.units > boundaryLimits.cleanUnitsMax) return false;
  }
  for (const text of texts) strings.alone.push(text);
  if (texts.length > 1) strings.groups.push(texts);
  return true;
}

function mayBeInContext(text: string, beside: string, { scanner }: FilterPass): boolean {
  const { contextUnitsMax, contextValueUnitsMin } = boundaryLimits;
  if (beside === '') return false;
  if (isNumberContext(beside, text)) return true;
  if (text.length < contextValueUnitsMin) return false;
  return scanner.isContext(beside.slice(-contextUnitsMax));
}

function glue(groups: readonly (readonly string[])[]) {
  const pieces: string[] = [];
  const seams: number[] = [];
  let length = 0;
  for (const group of groups) {
    for (const text of group) {
      seams.push(length);
      pieces.push(text);
      length += text.length;
    }
    pieces.push(separator);
    length += separator.length;
  }
  const isSeam = (from: number, to: number) => (seams[lastAtMost(seams, to)] ?? -1) >= from;
  return { text: pieces.join(''), isSeam };
}
