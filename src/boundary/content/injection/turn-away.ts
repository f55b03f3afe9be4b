/** One look for all languages at what may follow a verb of turning away: several have the same verbs. */
import { beginsWithin } from '../../look-ahead.ts';
import { latinLanguages } from './languages-latin.ts';
import { otherLanguages } from './languages-other.ts';

/** What a stem begins with, as far as it is plain text. */
export function literalOf(stem: string): string {
  return stem.replace(/,?\?.*$|[[(].*$/, '').replace(/,$/, '');
}

/** What is turned away from begins with these in English. */
const english = (
  'previous prior above earlier preceding foregoing existing initial original system your past old all ' +
  'instruction prompt guideline directive guidance restriction orders'
).split(' ');
const englishUnitsMax = 'no longer pay attention to'.length + 20;

const languages = [...latinLanguages, ...otherLanguages].filter(({ isVerbLast }) => isVerbLast !== true);
/** No stem matches more units than it is written in: none of them repeats anything. */
const otherUnitsMax =
  Math.max(...languages.flatMap(({ turnAway }) => turnAway.map(({ length }) => length))) + 16;

/** From the beginning of the verb on. */
export const mayTurnAway = beginsWithin(
  [
    ...english,
    ...languages.flatMap(({ earlier, orders, everything }) =>
      [...earlier, ...orders, ...everything].map(literalOf),
    ),
  ],
  Math.max(englishUnitsMax, otherUnitsMax),
);
