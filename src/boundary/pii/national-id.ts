import type { Span, NumberDetector } from '../detector.ts';
import { inParts, matchesFrom, piiDefaults } from '../detector.ts';
import {
  passesLuhn,
  passesMod11And10,
  passesMod11And2,
  passesVerhoeff,
  weightedSum,
} from './check-digits.ts';

interface IdFormat {
  readonly country: string;
  /** How many letters and digits it has: only then its pattern is tried. */
  readonly units: readonly number[];
  readonly pattern: RegExp;
  /** Without separators. */
  readonly check: (id: string) => boolean;
  /** What must stand shortly before: a number that passes one check in ten by chance needs a name. null: none. */
  readonly context: RegExp | null;
}

const formats: readonly IdFormat[] = [
  // Order of 1988, 2nd edition; the letter by date and name, the check letter over odd and even places.
  {
    country: 'it',
    units: [16],
    pattern: /^[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]$/,
    check: isCodiceFiscale,
    context: null,
  },
  {
    country: 'br',
    units: [11],
    pattern: /^[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}$/,
    check: isCpf,
    context: null,
  },
  {
    country: 'cn',
    units: [18],
    pattern: /^[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]$/,
    check: passesMod11And2,
    context: null,
  },
  {
    country: 'fi',
    units: [10, 11],
    pattern: /^[0-3][0-9][01][0-9]{3}[-+A][0-9]{3}[0-9A-Y]$/,
    check: isFinnish,
    context: null,
  },
  {
    country: 'fr',
    units: [15],
    pattern: /^[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}$/,
    check: isFrench,
    context: null,
  },
  {
    country: 'us',
    units: [9],
    pattern: /^(?!000|666|9)[0-9]{3}[- ](?!00)[0-9]{2}[- ](?!0000)[0-9]{4}$/,
    check: () => true,
    context: /\bssn\b|social[ _-]?security/i,
  },
  {
    country: 'gb',
    units: [10],
    pattern: /^[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}$/,
    check: isNhs,
    context: /\bnhs\b/i,
  },
  {
    country: 'de',
    units: [11],
    pattern: /^[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}$/,
    check: passesMod11And10,
    context: /steuer|\bidnr\b|\btax[ _-]?id/i,
  },
  {
    country: 'es',
    units: [9],
    pattern: /^(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-Z]$/,
    check: isSpanish,
    context: /\b(?:dni|nie|nif)\b/i,
  },
  { country: 'nl', units: [9], pattern: /^[0-9]{9}$/, check: isBsn, context: /\bbsn\b|burgerservice/i },
  { country: 'pl', units: [11], pattern: /^[0-9]{11}$/, check: isPesel, context: /\bpesel\b/i },
  {
    country: 'in',
    units: [12],
    pattern: /^[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}$/,
    check: passesVerhoeff,
    context: /aadhaa?r|\buidai?\b/i,
  },
  {
    country: 'se',
    units: [10],
    pattern: /^[0-9]{6}[-+][0-9]{4}$/,
    check: passesLuhn,
    context: /person(?:nummer|al)/i,
  },
  {
    country: 'ca',
    units: [9],
    pattern: /^[1-79][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}$/,
    check: passesLuhn,
    context: /\bsin\b|social[ _-]?insurance/i,
  },
  {
    country: 'kr',
    units: [13],
    pattern: /^[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{6}$/,
    check: isKorean,
    context: null,
  },
];

const formatsByUnits = new Map(
  [...new Set(formats.flatMap(({ units }) => units))].map((count) => [
    count,
    formats.filter(({ units }) => units.includes(count)),
  ]),
);

/** Nine or more digits in the groupings above, and the Italian form. Each candidate is looked at once a format. */
const number = /[0-9](?:[ .+-]?[0-9AB]){6,18}(?:-?[A-Z])?(?!\w)/g;
/** The Italian form from its first digit on: letters are too common to look for. */
const codice = /[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?!\w)/g;
const codiceLetters = 6;
const contextUnits = 48;

export const nationalId: NumberDetector = {
  ...piiDefaults,
  id: 'national-id',
  title: 'National identity, tax or health number with its check digit',
  source:
    'the issuing authorities: Agenzia delle Entrate, Receita Federal, GB 11643, DVV, INSEE, SSA, NHS, BZSt, Ministerio del Interior, RvIG, UIDAI, Skatteverket, ESDC, MOIS',
  find: (text, start, { hasCapital }) => {
    const numbers = matchesFrom(number, text, start, (written, at) =>
      idAt(text, isLetterXyz(text.charCodeAt(at - 1)) ? at - 1 : at, at + written.length),
    );
    if (!hasCapital) return numbers;
    const codici = matchesFrom(codice, text, start, (written, at) =>
      idAt(text, at - codiceLetters, at + written.length),
    );
    return [...numbers, ...codici];
  },
  examples: {
    hit: [
      inParts('RSSMRA85', 'T10A562S'),
      inParts('529.982', '.247-25'),
      inParts('11010519', '491231002X'),
      inParts('131052', '-308T'),
      inParts('SSN: 219', '-09-9999'),
      inParts('NHS number 943', ' 476 5919'),
      inParts('Steuer-ID 86 ', '095 742 719'),
      inParts('DNI 12345', '678Z'),
      inParts('bsn=1112', '22333'),
      inParts('PESEL 4405', '1401359'),
      inParts('Aadhaar: 2341', ' 2341 2346'),
      inParts('personnummer 811228', '-9874'),
      inParts('SIN 046 454', ' 286').replace('046', '130').replace('454', '692').replace('286', '544'),
    ],
    miss: [
      '529.982.247-24',
      '219-09-9999',
      'order 943 476 5919',
      '12345678Z',
      '110105194912310021',
      'SSN: 000-12-3456',
      'version 1.2.3.4.5.6.7',
      '2024-01-02',
      '192.168.100.200',
    ],
  },
};

function isLetterXyz(unit: number): boolean {
  return unit >= 0x58 && unit <= 0x5a;
}

function idAt(text: string, start: number, end: number): Span[] {
  if (start < 0 || (start > 0 && isPartOfWord(text.charCodeAt(start - 1)))) return [];
  const candidates = formatsByUnits.get(countUnits(text, start, end));
  if (candidates === undefined) return [];
  const written = text.slice(start, end);
  for (const { country, pattern, check, context } of candidates) {
    if (!pattern.test(written)) continue;
    const id = written.replaceAll(/[ .+-]/g, '');
    if (!check(id)) continue;
    if (context !== null && !context.test(text.slice(Math.max(0, start - contextUnits), start))) continue;
    return [{ start, end, confidence: 'medium', label: `national-id-${country}`, secret: id }];
  }
  return [];
}

/** Letters and digits: what is left without the separators. */
function countUnits(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (text.charCodeAt(at) >= 0x30) count++;
  return count;
}

function isPartOfWord(unit: number): boolean {
  return /[\w.]/.test(String.fromCharCode(unit));
}

const codiceOdd = 'BAKPLCQDREVOSFTGUHMINJWZYX';

function isCodiceFiscale(id: string): boolean {
  let sum = 0;
  for (let at = 0; at < 15; at++) {
    const unit = id.charCodeAt(at);
    const value = unit < 0x41 ? unit - 0x30 : unit - 0x41;
    sum += at % 2 === 0 ? codiceOdd.indexOf(String.fromCharCode(0x41 + value)) : value;
  }
  return id.charCodeAt(15) === 0x41 + (sum % 26);
}

function isCpf(id: string): boolean {
  const digit = (count: number) => {
    const weights = Array.from({ length: count }, (_, at) => count + 1 - at);
    return ((weightedSum(id, weights) * 10) % 11) % 10;
  };
  return !/^(.)\1+$/.test(id) && digit(9) === Number(id[9]) && digit(10) === Number(id[10]);
}

function isFinnish(id: string): boolean {
  // The century sign is a separator or the letter A.
  const digits = id.replace('A', '').slice(0, 9);
  return '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(digits) % 31] === id.at(-1);
}

function isFrench(id: string): boolean {
  const number = BigInt(id.slice(0, 13).replace('2A', '19').replace('2B', '18'));
  return Number(97n - (number % 97n)) === Number(id.slice(13));
}

function isNhs(id: string): boolean {
  const check = 11 - (weightedSum(id, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return check !== 10 && check % 11 === Number(id[9]);
}

function isSpanish(id: string): boolean {
  const number = id.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(number) % 23] === id.at(-1);
}

function isBsn(id: string): boolean {
  return weightedSum(id, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

function isPesel(id: string): boolean {
  return weightedSum(id, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0;
}

function isKorean(id: string): boolean {
  return (11 - (weightedSum(id, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === Number(id[12]);
}
