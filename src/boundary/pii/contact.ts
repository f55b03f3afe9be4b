import type { LiteralDetector, Span, NumberDetector } from '../detector.ts';
import { inParts } from '../detector.ts';
import type { NumberPiece, NumberText } from '../scan/number-text.ts';
import { isJoinedAfter, isJoinedBefore, spansAt } from '../scan/number-text.ts';
import { telephoneStems, wordsBefore } from './named-numbers.ts';

/** Reported only where a profile asks for it: addresses and numbers are what many tools are there for. */
const contactDefaults = { family: 'pii', inbound: 'allow', outbound: 'allow' } as const;

const localUnitsMax = 64;

export const emailAddress: LiteralDetector = {
  ...contactDefaults,
  id: 'email-address',
  title: 'E-mail address',
  source: 'RFC 5322 §3.4.1 (dot-atom), RFC 1035 §2.3.1, RFC 5321 §4.5.3.1 (lengths)',
  literals: ['@'],
  format: { kind: 'span', find: findEmail },
  examples: {
    hit: ['ada.lovelace@example.com', 'Write to <bob+tag@mail.example.co.uk>.'],
    miss: ['@types/node', 'git@github', 'user@@example.com', 'npm:left-pad@1.3.0', '@property'],
  },
};

/** By unit: what stands before the `@`. */
const isLocal = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[A-Za-z0-9._%+-]/.test(String.fromCharCode(unit)) ? 1 : 0,
);

const domain = /@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/y;

function findEmail(text: string, at: number): Span | null {
  let start = at;
  while (at - start < localUnitsMax && start > 0 && isLocal[text.charCodeAt(start - 1)] === 1) start--;
  if (start === at) return null;
  domain.lastIndex = at;
  return domain.test(text) ? { start, end: domain.lastIndex, confidence: 'medium' } : null;
}

const international =
  /(?:(?<![\w+.])|(?<=\\[abfnrtv0]|%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}))\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}(?![\w])/g;

export const phoneNumber: NumberDetector = {
  ...contactDefaults,
  id: 'phone-number',
  title: 'Telephone number in international form, or behind a word for it',
  source: 'ITU-T E.164 (at most 15 digits), E.123 (how it is written)',
  find: (read) => (read.run.hasPlus ? findInternational(read) : spansAt(read, nationalAt)),
  examples: {
    hit: [
      inParts('+49 30 ', '901820'),
      inParts('call +1 (212) ', '555-0100 now'),
      inParts('+44\u00a020\u00a0', '7946\u00a00123'),
      inParts('phone: (212) ', '555-0100'),
      inParts('{"mobilePhone": "0171', ' 3920012"}'),
      inParts('phone%3A%20', '(212)%20555-0100'),
      inParts('dial%20+49%2030 ', '901820'),
    ],
    miss: [
      '+1.5',
      '1+23456789',
      '+0123456789',
      'UTC+02:00',
      'order (212) 555-0100',
      'phone 12345',
      'telnet 192.168.100.200',
      'tel. 212 555 0100 12345',
    ],
  },
};

function findInternational({ text, pieces }: NumberText): readonly Span[] {
  const from = (pieces[0]?.start ?? 0) - 1;
  international.lastIndex = Math.max(0, from);
  const found: Span[] = [];
  for (let match = international.exec(text); match !== null; match = international.exec(text))
    found.push({ start: match.index, end: match.index + match[0].length, confidence: 'medium' });
  return found;
}

/** Of a number without the code of its country, in all groups and in each. */
const digitsMin = 9;
const digitsMax = 12;
const groupsMax = 5;
const groupMin = 2;

function nationalAt(read: NumberText, index: number): Span | null {
  const { text, pieces } = read;
  const first = pieces[index] as NumberPiece;
  const last = lastGroup(read, index);
  if (last === null || isJoinedBefore(read, first.start) || isJoinedAfter(read, last.end)) return null;
  const start = text.charAt(first.start - 1) === '(' ? first.start - 1 : first.start;
  if (!namesTelephone(wordsBefore(read, start, telephoneStems))) return null;
  return { start, end: last.end, confidence: 'low' };
}

/** The last of all groups that belong together, where they have as many digits as a telephone number. */
function lastGroup({ text, pieces }: NumberText, index: number): NumberPiece | null {
  let digits = 0;
  let last = index - 1;
  let hasPoint = false;
  let longest = 0;
  for (let at = index; at < index + groupsMax; at++) {
    const piece = pieces[at];
    if (piece === undefined || (at > index && !isBetweenGroups(text, pieces, at))) break;
    const units = piece.end - piece.start;
    if (!piece.isDigits || units < groupMin) break;
    digits += units;
    longest = Math.max(longest, units);
    hasPoint ||= at > index && piece.gap === 0x2e;
    last = at;
  }
  // With points between, two groups are a fraction, and four of at most three digits an address in a network.
  const isOther = hasPoint && (last === index + 1 || (last === index + 3 && longest <= 3));
  return digits < digitsMin || digits > digitsMax || isOther ? null : (pieces[last] ?? null);
}

function isBetweenGroups(text: string, pieces: readonly NumberPiece[], at: number): boolean {
  const { gap, start } = pieces[at] as NumberPiece;
  if (gap !== null) return gap !== 0x28 && gap !== 0x29 && gap !== 0x2b;
  return text.slice(pieces[at - 1]?.end, start) === ') ';
}

const telephone = /(?:phone|\bt[eé]l|fone?\b|telefon|mobil|\bcell|\bfax\b|\bhandy|電話)[^0-9]{0,24}$/;

/** Whether a name in the text gives a telephone number away that follows it. The text is as `wordsOf` reads it. */
export function namesTelephone(words: string): boolean {
  return telephone.test(words);
}
