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
