import { distance } from 'fastest-levenshtein';

/** Names longer than this are not compared: the distance is quadratic in their length. */
const NAME_CHARS_MAX = 128;
const CANDIDATES_MAX = 10_000;

/** The known name that `name` was probably meant to be, or null when none is near (two characters or a third of it differ). */
export function nearestName(name: string, known: Iterable<string>): string | null {
  if (name.length > NAME_CHARS_MAX) return null;
  const allowed = Math.max(name.length > 3 ? 2 : 1, Math.floor(name.length / 3));
  let best: string | null = null;
  let bestDistance = allowed + 1;
  let compared = 0;
  for (const candidate of known) {
    if (compared++ >= CANDIDATES_MAX) break;
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const apart = apartness(name.toLowerCase(), candidate.toLowerCase());
    if (apart < bestDistance) [best, bestDistance] = [candidate, apart];
  }
  return best;
}

/** Levenshtein's distance; letters that merely changed places count as one slip. */
function apartness(a: string, b: string): number {
  const apart = distance(a, b);
  return apart === 2 && sortedLetters(a) === sortedLetters(b) ? 1 : apart;
}

function sortedLetters(text: string): string {
  return [...text].toSorted().join('');
}

/** Names that are listed; more are no help. */
const LISTED_MAX = 20;

/** `did you mean "x"?`, or where nothing is near all known names, if they are few. */
export function knownNamesHint(name: string, known: readonly string[]): string | undefined {
  const listed = known.length > 0 && known.length <= LISTED_MAX ? `known: ${known.join(', ')}` : undefined;
  return didYouMeanHint(name, known) ?? listed;
}

/** `did you mean "x"?`, or undefined when nothing is near. */
export function didYouMeanHint(name: string, known: Iterable<string>): string | undefined {
  const near = nearestName(name, known);
  return near === null ? undefined : `did you mean "${near}"?`;
}
