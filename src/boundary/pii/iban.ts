import type { NumberDetector, Span } from '../detector.ts';
import { inParts, noSpans, piiDefaults } from '../detector.ts';
import type { NumberPiece, NumberText } from '../scan/number-text.ts';
import { isCapital, isDigit, isJoinedAfter, isJoinedBefore, spansAt } from '../scan/number-text.ts';
import { passesMod97 } from './check-digits.ts';

/** Length by country: SWIFT, IBAN Registry. */
const lengths = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 ' +
    'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 ' +
    'MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 ' +
    'SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

export const iban: NumberDetector = {
  ...piiDefaults,
  id: 'iban',
  title: 'International bank account number',
  source: 'ISO 13616-1; SWIFT, IBAN Registry (lengths)',
  find: (read) => (read.run.hasCapital ? spansAt(read, ibanAt) : noSpans),
  examples: {
    hit: [
      inParts('DE89 3704', ' 0044 0532 0130 00'),
      inParts('GB82WEST', '12345698765432'),
      inParts('NL91 ABNA', ' 0417 1643 00'),
      inParts('BE68 5390', ' 0754 7034 EUR 120'),
      inParts('BE68-5390', '-0754-7034'),
      inParts('statement_GB82WEST', '12345698765432_2024.pdf'),
      inParts('%0ABE68-5390', '-0754-7034'),
      inParts('BE68\u00a05390', '\u00a00754\u00a07034'),
    ],
    miss: [
      'DE89 3704 0044 0532 0130 01',
      'GB82WEST1234569876543',
      'US12 3456 7890 1234',
      'AB12CD34EF56GH78',
      'BE68 5390 0754 70345',
    ],
  },
};

/** The country, the check digits, and of what is printed the first group. */
const groupMin = 4;
const groupsMax = 9;
const space = 0x20;
const hyphen = 0x2d;
/** Joins words in names of files: the number proves itself. */
const underscore = 0x5f;

function ibanAt(read: NumberText, index: number): Span | null {
  const { text, pieces } = read;
  const first = pieces[index] as NumberPiece;
  const { start, isDigits } = first;
  if (isDigits || first.end - start < groupMin || !beginsIban(text, start)) return null;
  const units = lengths.get(text.slice(start, start + 2));
  if (units === undefined || (isJoinedBefore(read, start) && text.charCodeAt(start - 1) !== underscore))
    return null;
  const end = endOf(pieces, index, units);
  if (end === null || (isJoinedAfter(read, end) && text.charCodeAt(end) !== underscore)) return null;
  const number = text.slice(start, end).replaceAll(/[ -]/g, '');
  return passesMod97(number) ? { start, end, confidence: 'high', secret: number } : null;
}

/** The country and the check digits. */
function beginsIban(text: string, start: number): boolean {
  return (
    isCapital(text.charCodeAt(start)) &&
    isCapital(text.charCodeAt(start + 1)) &&
    isDigit(text.charCodeAt(start + 2)) &&
    isDigit(text.charCodeAt(start + 3))
  );
}

/** Where so many letters and digits end: in one piece, in groups with spaces between, or four by four with hyphens. */
function endOf(pieces: readonly NumberPiece[], index: number, units: number): number | null {
  const gap = pieces[index + 1]?.gap;
  let left = units;
  for (let group = 0; group < groupsMax; group++) {
    const piece = pieces[index + group];
    if (piece === undefined || (group > 0 && (piece.gap !== gap || (gap !== space && gap !== hyphen))))
      return null;
    left -= piece.end - piece.start;
    if (left <= 0) return left === 0 ? piece.end : null;
    if (gap === hyphen && piece.end - piece.start !== groupMin) return null;
  }
  return null;
}
