/**
 * Cheap looks at what follows a literal, for patterns that would read as far for nothing, at each of the literals of a text
 * that is made of them. They refuse nothing that the pattern takes.
 */

/** What `mayMatch` of a `PatternFormat` is: the codes of a text (`TextCodes`), and where the literal begins. */
export type LookAhead = (codes: Uint8Array, at: number) => boolean;

interface Sought {
  /** One of these has to stand there: ASCII. */
  readonly oneOf: string;
  /** One of these before it ends the search: ASCII. */
  readonly notPast?: string;
  /** Whether a character beyond ASCII may be what is sought: white space is. */
  readonly orBeyondAscii?: boolean;
  /** Units of the literal that are not looked at. */
  readonly from?: number;
  /** How far is looked, from the beginning of the literal on. */
  readonly unitsMax: number;
}

const soughtKind = 1;
const endKind = 2;

export function standsWithin(sought: Sought): LookAhead {
  const { oneOf, notPast = '', orBeyondAscii = false, from = 0, unitsMax } = sought;
  const kinds = new Uint8Array(256);
  if (orBeyondAscii) kinds.fill(soughtKind, 128);
  for (const character of notPast) kinds[character.charCodeAt(0)] = endKind;
  for (const character of oneOf) kinds[character.charCodeAt(0)] = soughtKind;
  return (codes, at) => {
    const end = Math.min(codes.length, at + unitsMax);
    for (let next = at + from; next < end; next++) {
      // A table of all codes: the index is always inside it.
      const kind = kinds[codes[next] as number] as number;
      if (kind !== 0) return kind === soughtKind;
    }
    return false;
  };
}

const prefixUnits = 3;
/** By code, five bits: the letters of both cases, and some others, which may share theirs. */
const folded = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z]/.test(String.fromCharCode(code)) ? code & 0x1f : 0,
);
const prefixBits = 5 * prefixUnits;
const prefixMask = (1 << prefixBits) - 1;

/**
 * Whether one of the words begins at most `units` behind the literal's beginning, in either case; also answers yes to any
 * character beyond ASCII. Throws `RangeError` for a word that begins with too little to tell.
 */
export function beginsWithin(words: readonly string[], units: number): LookAhead {
  const prefixes = words
    .map((word) => word.slice(0, prefixUnits))
    .filter((prefix) => !beyondAscii.test(prefix));
  const short = prefixes.find(({ length }) => length < prefixUnits);
  if (short !== undefined) throw new RangeError(`${short} is too short to look for`);
  const isPrefix = new Uint8Array(1 << (prefixBits - 3));
  for (const prefix of prefixes) {
    const bits = [...Buffer.from(prefix)].reduce((bits, code) => (bits << 5) | (folded[code] as number), 0);
    isPrefix[bits >> 3] = (isPrefix[bits >> 3] as number) | (1 << (bits & 7));
  }
  return (codes, at) => {
    const end = Math.min(codes.length, at + units + prefixUnits);
    let prefix = 0;
    for (let next = at; next < end; next++) {
      const code = codes[next] as number;
      if (code >= 0x80) return true;
      prefix = ((prefix << 5) | (folded[code] as number)) & prefixMask;
      // Of 15 bits, as many as the table has: the index is always inside it.
      if (next >= at + prefixUnits - 1 && ((isPrefix[prefix >> 3] as number) >> (prefix & 7)) & 1)
        return true;
    }
    return false;
  };
}

const beyondAscii = /[^\u0000-\u007f]/;
