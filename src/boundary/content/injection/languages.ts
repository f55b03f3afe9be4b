/** The signs of other languages than English, made of their entries. */
import { beginsWithin } from '../../look-ahead.ts';
import type { Language } from './language.ts';
import { latinLanguages } from './languages-latin.ts';
import { otherLanguages } from './languages-other.ts';
import type { InjectionRule } from './sign.ts';
import { any, gap, sign } from './sign.ts';

export const languageRules: readonly InjectionRule[] = [...latinLanguages, ...otherLanguages].flatMap(
  rulesOf,
);

function rulesOf(language: Language): InjectionRule[] {
  const { code, turnAway, earlier, orders, everything, reader, secretly, prompt, show, fromNow, unlimited } =
    language;
  const literals = (stems: readonly string[]) =>
    [...new Set(stems.map(literalOf))].filter((stem) => stem.length > 1);
  const not = language.not === undefined ? '' : `(?<!${language.not})`;
  /** Of the first what the second follows at most so many units later; `second` begins with one of the words. */
  const pair = (first: readonly string[], units: number, second: string, words: readonly string[]) => {
    const before = first === turnAway ? not : '';
    const mayFollow = beginsWithin(words.map(literalOf), longest(first) + units);
    return sign(code, 6, literals(first), `${before}${any(first)}${gap(units)}${second}`, mayFollow);
  };
  const oldOrders = `(?:${any(earlier)}${gap(16)}${any(orders)}|${any(orders)}${gap(16)}${any(earlier)})`;
  const overrides =
    language.isVerbLast === true
      ? [
          pair(earlier, 16, `${any(orders)}${gap(16)}${any(turnAway)}`, orders),
          pair(everything, 24, any(turnAway), turnAway),
        ]
      : [
          pair(turnAway, 16, oldOrders, [...earlier, ...orders]),
          pair(turnAway, 12, any(everything), everything),
        ];
  return [
    ...overrides,
    sign(code, 3, literals(reader), any(reader)),
    sign(code, 3, literals(secretly), any(secretly)),
    pair(show, 24, any(prompt), prompt),
    pair(prompt, 24, any(show), show),
    sign(code, 3, literals(fromNow), any(fromNow)),
    sign(code, 3, literals(unlimited), any(unlimited)),
  ];
}

/** At most as many units as one of the stems matches: none of them repeats anything. */
function longest(stems: readonly string[]): number {
  return Math.max(...stems.map(({ length }) => length));
}

/** What a stem begins with, as far as it is plain text. */
function literalOf(stem: string): string {
  return stem.replace(/,?\?.*$|[[(].*$/, '').replace(/,$/, '');
}
