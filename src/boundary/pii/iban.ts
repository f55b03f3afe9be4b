import type { Span, NumberDetector } from '../detector.ts';
import { inParts, matchesFrom, noSpans, piiDefaults } from '../detector.ts';
import { passesMod97 } from './check-digits.ts';

const candidate =
  /(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])/g;

/** Length by country: SWIFT, IBAN Registry. */
const lengths = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 ' +
    'GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ' +
    'ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 ' +
    'TR26 UA29 VA22 VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

export const iban: NumberDetector = {
  ...piiDefaults,
  id: 'iban',
  title: 'International bank account number',
  source: 'ISO 13616-1; SWIFT, IBAN Registry (lengths)',
  find: (text, start, { hasCapital }) => (hasCapital ? matchesFrom(candidate, text, start, ibanAt) : noSpans),
  examples: {
    hit: [
      inParts('DE89 3704', ' 0044 0532 0130 00'),
      inParts('GB82WEST', '12345698765432'),
      inParts('NL91 ABNA', ' 0417 1643 00'),
    ],
    miss: ['DE89 3704 0044 0532 0130 01', 'GB82WEST1234569876543', 'US12 3456 7890 1234', 'AB12CD34EF56GH78'],
  },
};

function ibanAt(written: string, start: number): Span[] {
  const text = written.replaceAll(' ', '');
  const isIban = lengths.get(text.slice(0, 2)) === text.length && passesMod97(text);
  return isIban ? [{ start, end: start + written.length, confidence: 'high', secret: text }] : [];
}
