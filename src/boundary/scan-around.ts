/**
 * Looks again at what a redaction can have brought together. A detector reaches only so far, so a text with one secret in
 * it is not read twice.
 */
import type { FilterPass } from './filter-pass.ts';
import type { Redacted } from './redaction.ts';
import type { Hit } from './scan-text.ts';
import { scanText } from './scan-text.ts';

/** More than any format reads from where it starts, but for private keys: those may be as long as they say. */
const reachUnits = 16_384;
const armourReachUnits = 69_632;

export interface Changed extends Pick<Redacted, 'changes'> {
  /** Of the text before any change. */
  readonly hasDirectionMarks: boolean;
}

/** All hits that a scan of the whole text finds, as far as one of the changes can have made them. */
export function scanAround(text: string, { changes, hasDirectionMarks }: Changed, pass: FilterPass): Hit[] {
  const reach = holdsArmour(text, changes) ? armourReachUnits : reachUnits;
  // Whether a mark of direction may stay depends on letters anywhere in the text.
  const isWhole = changes.length === 0 || hasDirectionMarks;
  const stretches = isWhole ? [{ start: 0, end: text.length }] : widen(changes, reach);
  return stretches.flatMap(({ start, end }) => {
    // What stands at the cut is broken off: hits count only from as far on as it can reach.
    const from = Math.max(0, start - reach);
    const to = Math.min(text.length, end + reach);
    return scanText(text.slice(from, to), pass.scanner, pass.decoding)
      .map((hit) => ({ ...hit, start: hit.start + from, end: hit.end + from }))
      .filter((hit) => hit.start < end && hit.end > start);
  });
}

/** What a private key begins or ends with; a row of dashes alone is a rule of a table. */
const armours = ['-----BEGIN ', '-----END '];

/** Whether a private key can reach as far as one of the changes, from where it begins or ends. */
function holdsArmour(text: string, changes: Redacted['changes']): boolean {
  const stretches = widen(changes, armourReachUnits).map(({ start, end }) =>
    text.slice(Math.max(0, start), end),
  );
  return armours.some((armour) => stretches.some((stretch) => stretch.includes(armour)));
}

/** With as much on both sides; those that touch are one, also when only what is read around them does. */
function widen(changes: Redacted['changes'], reach: number) {
  const widened: { start: number; end: number }[] = [];
  for (const { start, end } of changes) {
    const last = widened.at(-1);
    if (last !== undefined && start - reach <= last.end + 2 * reach) last.end = end + reach;
    else widened.push({ start: start - reach, end: end + reach });
  }
  return widened;
}
