/** The signs of other languages than English, made of their entries. */
import type { Language } from './language.ts';
import { latinLanguages } from './languages-latin.ts';
import { otherLanguages } from './languages-other.ts';
import type { InjectionRule } from './sign.ts';
import { any, gap, sign } from './sign.ts';
import { literalOf, mayTurnAway } from './turn-away.ts';

export const languageRules: readonly InjectionRule[] = [...latinLanguages, ...otherLanguages].flatMap(
  rulesOf,
);

function rulesOf(language: Language): InjectionRule[] {
  const { code, turnAway, earlier, orders, everything, reader, secretly, prompt, show, fromNow, unlimited } =
    language;
  const literals = (stems: readonly string[]) =>
    [...new Set(stems.map(literalOf))].filter((stem) => stem.length > 1);
  const not = language.not === undefined ? '' : `(?<!${language.not})`;
  const oldOrders = `(?:${any(earlier)}${gap(16)}${any(orders)}|${any(orders)}${gap(16)}${any(earlier)})`;
  const overrides =
    language.isVerbLast === true
      ? [
          sign(
            code,
            6,
            literals(earlier),
            `${any(earlier)}${gap(16)}${any(orders)}${gap(16)}${any(turnAway)}`,
          ),
          sign(code, 6, literals(everything), `${any(everything)}${gap(24)}${any(turnAway)}`),
        ]
      : [
          sign(code, 6, literals(turnAway), `${not}${any(turnAway)}${gap(16)}${oldOrders}`, mayTurnAway),
          sign(
            code,
            6,
            literals(turnAway),
            `${not}${any(turnAway)}${gap(12)}${any(everything)}`,
            mayTurnAway,
          ),
        ];
  return [
    ...overrides,
    sign(code, 3, literals(reader), any(reader)),
    sign(code, 3, literals(secretly), any(secretly)),
    sign(code, 6, [...literals(show)], `${any(show)}${gap(24)}${any(prompt)}`),
    sign(code, 6, [...literals(prompt)], `${any(prompt)}${gap(24)}${any(show)}`),
    sign(code, 3, literals(fromNow), any(fromNow)),
    sign(code, 3, literals(unlimited), any(unlimited)),
  ];
}
