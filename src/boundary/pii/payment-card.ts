import type { NumberDetector, Span } from '../detector.ts';
import { inParts, noSpans, piiDefaults } from '../detector.ts';
import type { NumberPiece, NumberText } from '../scan/number-text.ts';
import { isJoinedAfter, isJoinedBefore, isJoint, spansAt, withoutGaps } from '../scan/number-text.ts';
import { passesLuhn } from './check-digits.ts';

const digitsMin = 14;
const digitsMax = 19;

export const paymentCard: NumberDetector = {
  ...piiDefaults,
  id: 'payment-card',
  title: 'Payment card number',
  source: 'ISO/IEC 7812-1 (Luhn); issuer ranges as published by the networks',
  find: (read) => (read.run.digits < digitsMin ? noSpans : spansAt(read, cardAt)),
  examples: {
    hit: [
      inParts('4111 1111', ' 1111 1111'),
      inParts('5555', '555555554444'),
      inParts('3782-822463', '-10005'),
      inParts('card=6011', '111111111117;'),
      inParts('09:12:44 17 4111 1111', ' 1111 1111 12/27'),
      inParts('4111\u00a01111', '\u00a01111\u00a01111'),
      inParts('5555\u20115555', '\u20115555\u20114444'),
      inParts('card\u20144111 1111', ' 1111 1111\u2014expired'),
      inParts('\\n4111 1111', ' 1111 1111\\n'),
      inParts('4111 1111', ' 1111 1111\u2013, then'),
    ],
    miss: [
      '4111 1111 1111 1112',
      '1700000000000',
      '4111-1111-1111 1111',
      '0.4111111111111111',
      '4111111111111111.5',
      'id 4111111111111111a',
      'id 4111111111111111-a',
      '2024-01-02 03:04:05',
      '5500 0000 0000 00 04',
      '4444444444444448000000000',
      '7777 4111 1111 1111 1111 7777',
    ],
  },
};

/** Lengths by range, longest prefix first. Maestro has none that tells it from other numbers. */
const issuers: readonly { readonly prefix: RegExp; readonly lengths: readonly number[] }[] = [
  { prefix: /^4/, lengths: [16, 19] },
  { prefix: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { prefix: /^3[47]/, lengths: [15] },
  { prefix: /^(?:6011|64[4-9]|65)/, lengths: [16, 19] },
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16] },
  { prefix: /^(?:30[0-5]|3[689])/, lengths: [14] },
  { prefix: /^62/, lengths: [16, 19] },
];

/** As printed on cards. */
const printed: readonly (readonly number[])[] = [
  [4, 4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
];
const firstGroup = 4;
const space = 0x20;
const hyphen = 0x2d;

function cardAt(read: NumberText, index: number): Span | null {
  const { text, pieces } = read;
  const first = pieces[index] as NumberPiece;
  const digit = text.charCodeAt(first.start);
  if (!first.isDigits || digit < 0x32 || digit > 0x36) return null;
  const length = first.end - first.start;
  if (length >= digitsMin && length <= digitsMax) return spanOf(read, index, index, 'medium');
  if (length !== firstGroup) return null;
  for (const groups of printed) {
    if (!isGrouped(pieces, index, groups) || isInRow(read, index, groups.length)) continue;
    const span = spanOf(read, index, index + groups.length - 1, 'high');
    if (span !== null) return span;
  }
  return null;
}

/** Whether the groups stand there, which one kind of separator keeps apart. */
function isGrouped(pieces: readonly NumberPiece[], index: number, groups: readonly number[]): boolean {
  const gap = pieces[index + 1]?.gap;
  if (gap !== space && gap !== hyphen) return false;
  for (let group = 1; group < groups.length; group++) {
    const piece = pieces[index + group];
    if (piece?.isDigits !== true || piece.gap !== gap || piece.end - piece.start !== groups[group])
      return false;
  }
  return true;
}

/** Two more groups beside those of the card: a row of numbers, of which one in ten passes the check by chance, or an account. */
function isInRow({ text, pieces }: NumberText, index: number, groups: number): boolean {
  const gap = pieces[index + 1]?.gap;
  const isGroup = (at: number) => {
    const piece = pieces[at];
    if (piece === undefined || piece.end - piece.start !== firstGroup) return false;
    return piece.isDigits || beginsAccount.test(text.slice(piece.start, piece.end));
  };
  const isBefore = pieces[index]?.gap === gap && isGroup(index - 1);
  const isAfter = pieces[index + groups]?.gap === gap && isGroup(index + groups);
  if (isBefore && (isAfter || pieces[index - 1]?.isDigits === false)) return true;
  if (isBefore) return pieces[index - 1]?.gap === gap && isGroup(index - 2);
  return isAfter && pieces[index + groups + 1]?.gap === gap && isGroup(index + groups + 1);
}

const beginsAccount = /^[A-Z]{2}[0-9]{2}$/;

/** A dash and a word behind it: a part of something longer. */
const joinsWord = /-\w/y;

function spanOf(read: NumberText, first: number, last: number, confidence: Span['confidence']): Span | null {
  const { text, pieces } = read;
  const { start } = pieces[first] as NumberPiece;
  const { end } = pieces[last] as NumberPiece;
  if (isJoint(text.charCodeAt(start - 1)) || isJoinedBefore(read, start) || isJoinedAfter(read, end))
    return null;
  joinsWord.lastIndex = end;
  if (joinsWord.test(text)) return null;
  const digits = withoutGaps(read, first, last);
  const issuer = issuers.find(({ prefix }) => prefix.test(digits));
  const isCard = issuer?.lengths.includes(digits.length) === true && passesLuhn(digits);
  return isCard ? { start, end, confidence, secret: digits } : null;
}
