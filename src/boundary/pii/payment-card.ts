import type { Confidence, Span, NumberDetector } from '../detector.ts';
import { inParts, matchesFrom, noSpans, piiDefaults } from '../detector.ts';
import { passesLuhn } from './check-digits.ts';

/** Thirteen to nineteen digits, also in groups. */
const digitsMin = 13;
const candidate = /(?<![\w.+-])[2-6](?:[ -]?[0-9]){12,18}(?![\w-])/g;

export const paymentCard: NumberDetector = {
  ...piiDefaults,
  id: 'payment-card',
  title: 'Payment card number',
  source: 'ISO/IEC 7812-1 (Luhn); issuer ranges as published by the networks',
  find: (text, start, { digits }) =>
    digits >= digitsMin ? matchesFrom(candidate, text, start, cardAt) : noSpans,
  examples: {
    hit: [
      inParts('4111 1111', ' 1111 1111'),
      inParts('5555', '555555554444'),
      inParts('3782-822463', '-10005'),
      inParts('card=6011', '111111111117;'),
    ],
    miss: [
      '4111 1111 1111 1112',
      '1700000000000',
      '4111-1111-1111 1111',
      '0.4111111111111111',
      'id 4111111111111111a',
      '2024-01-02 03:04:05',
      '5500 0000 0000 00 04',
      '4444444444444448000000000',
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

function cardAt(written: string, start: number): Span[] {
  const digits = written.replaceAll(/[ -]/g, '');
  const issuer = issuers.find(({ prefix }) => prefix.test(digits));
  const confidence = gradeGroups(written);
  const isCard =
    issuer?.lengths.includes(digits.length) === true && confidence !== null && passesLuhn(digits);
  return isCard ? [{ start, end: start + written.length, confidence, secret: digits }] : [];
}

/** As printed on cards, with one kind of separator; or without any, which other numbers are too. */
function gradeGroups(written: string): Confidence | null {
  if (/^[0-9]+$/.test(written)) return 'medium';
  const separator = written.includes('-') ? '-' : ' ';
  const groups = written.split(separator).map((group) => group.length);
  const isPrinted = ['4,4,4,4', '4,6,5', '4,6,4', '4,4,4,4,3'].includes(groups.join(','));
  return isPrinted && !/[^0-9]/.test(written.replaceAll(separator, '')) ? 'high' : null;
}
