/** Which name of ours a caller probably meant. */
import { distance } from 'fastest-levenshtein';

/** Further apart than this, or than half of the name, a suggestion would be a guess. */
const typoDistanceMax = 3;
const abbreviationCharsMin = 3;
/** Longer ones are not compared: the time grows with both lengths. */
const nameCharsMax = 128;

/** The nearest of `known`: a slip of the finger, or the long form of a short name (`arguments` for `args`); null: none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  if (name.length > nameCharsMax) return null;
  const given = name.toLowerCase();
  const distanceMax = Math.min(typoDistanceMax, Math.floor(given.length / 2));
  let nearest: string | null = null;
  let nearestDistance = distanceMax + 1;
  for (const candidate of known) {
    const apart = distance(given, candidate.toLowerCase());
    if (apart < nearestDistance) [nearest, nearestDistance] = [candidate, apart];
  }
  return nearest ?? known.find((candidate) => abbreviates(candidate.toLowerCase(), given)) ?? null;
}

/** Whether the letters of `short` stand in `long` in their order, and both begin and end alike. */
function abbreviates(short: string, long: string): boolean {
  if (short.length < abbreviationCharsMin || short.length >= long.length) return false;
  if (short[0] !== long[0] || short.at(-1) !== long.at(-1)) return false;
  let at = 0;
  for (const letter of long) if (letter === short[at]) at += 1;
  return at === short.length;
}
