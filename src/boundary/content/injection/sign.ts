import type { LookAhead } from '../../look-ahead.ts';

export interface InjectionRule {
  readonly language: string;
  readonly literals: readonly string[];
  /** Sticky, ignoring case. */
  readonly pattern: RegExp;
  /** See `PatternFormat`. */
  readonly mayMatch?: LookAhead;
  /** Six together make a finding. */
  readonly weight: 2 | 3 | 6;
}

/** With the rest of the last word, whatever its ending. */
export function sign(
  language: string,
  weight: InjectionRule['weight'],
  literals: readonly string[],
  source: string,
  mayMatch?: LookAhead,
): InjectionRule {
  const pattern = new RegExp(`(?:${source})\\p{L}{0,16}`, 'iuy');
  return { language, literals, weight, pattern, ...(mayMatch === undefined ? {} : { mayMatch }) };
}

export function english(
  weight: InjectionRule['weight'],
  literals: readonly string[],
  source: string,
  mayMatch?: LookAhead,
): InjectionRule {
  return sign('en', weight, literals, source, mayMatch);
}

/** Words between two that belong together: within a sentence, in any script. */
export function gap(units: number): string {
  return `[^.!?。！？।]{0,${units}}`;
}

export function any(words: readonly string[]): string {
  return `(?:${words.join('|')})`;
}
