import type { Random } from '../random.ts';

/** A number of a person in one written form, from what its issuer publishes and not from the detectors. */
export interface NumberForm {
  readonly kind:
    | 'payment card'
    | 'IBAN'
    | 'national id'
    | 'telephone, international'
    | 'telephone, national'
    | 'e-mail address';
  /** Its network or country. */
  readonly of: string;
  /** How it is written. */
  readonly written: string;
  /** What forms, letters and programs call it. */
  readonly names: readonly string[];
  /** Whether it is too common a shape to be known without its name beside it. */
  readonly needsName: boolean;
  /** Whether a change of its last character makes it wrong. */
  readonly hasCheck: boolean;
  readonly make: (random: Random) => string;
}

/** In groups of these lengths; what is left over is a group of its own. */
export function inGroups(text: string, lengths: readonly number[], separator: string): string {
  const groups: string[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= text.length) break;
    groups.push(text.slice(at, at + length));
    at += length;
  }
  if (at < text.length) groups.push(text.slice(at));
  return groups.join(separator);
}

export function byFour(text: string, separator: string): string {
  return inGroups(text, Array<number>(Math.ceil(text.length / 4)).fill(4), separator);
}

export function numbersOf(digits: string): number[] {
  return Array.from(digits, Number);
}

/** Two digits, from `low` to `high`. */
export function twoDigits(random: Random, low: number, high: number): string {
  return String(low + random.below(high - low + 1)).padStart(2, '0');
}

/** The sum of products, digit by digit. */
export function dot(digits: string, weights: readonly number[]): number {
  return numbersOf(digits).reduce((sum, digit, at) => sum + digit * (weights[at] ?? 0), 0);
}

/** The digit that makes a number pass ISO/IEC 7812-1 annex B: from the right every other digit is doubled, the check digit not. */
export function luhnDigit(body: string): string {
  const doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
  const sum = numbersOf(body)
    .toReversed()
    .reduce((sum, digit, at) => sum + (at % 2 === 0 ? (doubled[digit] ?? 0) : digit), 0);
  return String((10 - (sum % 10)) % 10);
}

/** The same with another last character of its kind, so that its check digit is wrong. */
export function withWrongCheck(written: string, random: Random): string {
  const last = written.at(-1) ?? '';
  const kind = /[0-9]/.test(last) ? '0123456789' : 'ABCDEFGHJKLMNPQRSTVWXYZ';
  return written.slice(0, -1) + random.pick([...kind].filter((other) => other !== last));
}
