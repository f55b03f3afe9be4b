import type { NumberDetector, Span } from '../detector.ts';
import { inParts, piiDefaults } from '../detector.ts';
import type { NumberPiece, NumberText } from '../scan/number-text.ts';
import { isJoinedAfter, isJoinedBefore, spansAt, withoutGaps } from '../scan/number-text.ts';
import {
  passesLuhn,
  passesMod11And10,
  passesMod11And2,
  passesVerhoeff,
  weightedSum,
} from './check-digits.ts';
import { idStems, wordsBefore } from './named-numbers.ts';

interface IdFormat {
  readonly country: string;
  /** How it is written: lengths of its groups, and what stands between them. */
  readonly shapes: readonly string[];
  /** Without separators, as is `check`. */
  readonly pattern: RegExp;
  readonly check: (id: string) => boolean;
  /** What must stand shortly before, as `wordsOf` reads it: a number that passes one check in ten by chance needs a name. null: none. */
  readonly context: RegExp | null;
}

const birthday = '(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])';
const cpf = { country: 'br', pattern: /^[0-9]{11}$/, check: isCpf };
const rrn = { country: 'kr', pattern: new RegExp(`^[0-9]{2}${birthday}[1-8][0-9]{6}$`), check: isKorean };

const formats: readonly IdFormat[] = [
  // Order of 1988, 2nd edition; the letter by date and name, the check letter over odd and even places.
  {
    country: 'it',
    shapes: ['16', '6 5 5'],
    pattern: /^[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]$/,
    check: isCodiceFiscale,
    context: null,
  },
  { ...cpf, shapes: ['3.3.3-2'], context: null },
  { ...cpf, shapes: ['11', '9-2'], context: /\bcpf\b/ },
  {
    country: 'cn',
    shapes: ['18', '6 8 4'],
    pattern: new RegExp(`^[1-9][0-9]{5}(?:19|20)[0-9]{2}${birthday}[0-9]{3}[0-9X]$`),
    check: passesMod11And2,
    context: null,
  },
  // Signs of the century: Act 1009/2021 added those beside `+`, `-` and `A`.
  {
    country: 'fi',
    shapes: ['6-4', '6+4', '11'],
    pattern: /^[0-3][0-9][01][0-9]{3}[A-FU-Y]?[0-9]{3}[0-9A-FHJ-NPR-Y]$/,
    check: isFinnish,
    context: null,
  },
  {
    country: 'fr',
    shapes: ['15', '13 2', '13-2', '1 2 2 2 3 3 2', '1-2-2-2-3-3-2', '1.2.2.2.3.3.2'],
    pattern: /^[12][0-9]{2}(?:0[1-9]|1[0-2])(?:[0-9]{2}|2[AB])[0-9]{8}$/,
    check: isFrench,
    context: null,
  },
  {
    country: 'us',
    shapes: ['3-2-4', '3 2 4', '3.2.4', '9'],
    pattern: /^(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}$/,
    check: () => true,
    context: /\bssn\b|\bsoc(?:ial)? sec(?:urity)?\b|\bseguro social\b/,
  },
  {
    country: 'gb',
    shapes: ['10', '3 3 4', '3-3-4'],
    pattern: /^[0-9]{10}$/,
    check: isNhs,
    context: /\bnhs\b/,
  },
  {
    country: 'de',
    shapes: ['11', '2 3 3 3'],
    pattern: /^[1-9][0-9]{10}$/,
    check: passesMod11And10,
    context: /steuer|\bid ?nr\b|identifikationsnummer|\btax id/,
  },
  {
    country: 'es',
    shapes: ['9', '8-1', '8 1', '2.3.3-1', '2.3.3 1', '2.3.4', '1-7-1', '1-8'],
    pattern: /^(?:[0-9]{8}|[XYZ][0-9]{7})[A-Z]$/,
    check: isSpanish,
    context: /\b(?:dni|nie|nif)\b|\bidentidad\b/,
  },
  {
    country: 'nl',
    shapes: ['9', '3 3 3', '3.3.3', '4.2.3', '4 2 3'],
    pattern: /^[0-9]{9}$/,
    check: isBsn,
    context: /\bbsn\b|burgerservice|\bsofi ?nummer\b/,
  },
  { country: 'pl', shapes: ['11'], pattern: /^[0-9]{11}$/, check: isPesel, context: /\bpesel\b/ },
  {
    country: 'in',
    shapes: ['12', '4 4 4', '4-4-4'],
    pattern: /^[2-9][0-9]{11}$/,
    check: passesVerhoeff,
    context: /aadhaa?r|\buid(?:ai)?\b|आधार/,
  },
  {
    country: 'se',
    shapes: ['6-4', '6+4', '8-4', '10', '12'],
    // Of a coordination number the day is sixty more.
    pattern: /^(?:18|19|20)?[0-9]{2}(?:0[1-9]|1[0-2])(?:[06][1-9]|[1278][0-9]|[39][01])[0-9]{4}$/,
    check: isSwedish,
    context: /\bperson ?(?:nummer|nr|al\b|identity)|\bpers ?nr\b|\bsamordningsnummer/,
  },
  {
    country: 'ca',
    shapes: ['9', '3 3 3', '3-3-3'],
    pattern: /^[1-79][0-9]{8}$/,
    check: passesLuhn,
    context: /\bsin\b|\bsocial insurance\b|\bassurance sociale\b|\bnas\b/,
  },
  { ...rrn, shapes: ['6-7'], context: null },
  { ...rrn, shapes: ['13'], context: /주민|\brrn\b|\bresident registration\b/ },
];

/** Longest group of a number. */
const groupUnitsMax = 18;
/** What may stand between groups; nothing before the first. */
const gaps = ['', ' ', '.', '-', '+'];
const stepsOfNode = gaps.length * (groupUnitsMax + 1);

const stepOf = (gap: number, units: number): number => gap * (groupUnitsMax + 1) + units;

/** The shapes as a tree: by node and step the next node, 0 where no shape goes on; and by node what is written like that. */
const { steps, formatsAt } = buildTree();
/** Of these, what may have letters. */
const letteredAt = formatsAt.map((written) => written.filter(({ pattern }) => /[A-Z]/.test(pattern.source)));

function buildTree(): { readonly steps: Uint8Array; readonly formatsAt: readonly (readonly IdFormat[])[] } {
  const nodesMax = 256;
  const steps = new Uint8Array(nodesMax * stepsOfNode);
  const formatsAt: IdFormat[][] = [[]];
  for (const format of formats) {
    for (const shape of format.shapes) {
      let node = 0;
      for (const [, gap = '', units] of shape.matchAll(/([ .+-]?)([0-9]+)/g)) {
        const step = node * stepsOfNode + stepOf(gaps.indexOf(gap), Number(units));
        if (steps[step] === 0) steps[step] = formatsAt.push([]) - 1;
        node = steps[step] ?? 0;
      }
      formatsAt[node]?.push(format);
    }
  }
  return { steps, formatsAt };
}

/** -1: no such thing stands between groups. */
function gapKind(gap: number | null): number {
  switch (gap) {
    case 0x20:
      return 1;
    case 0x2e:
      return 2;
    case 0x2d:
      return 3;
    case 0x2b:
      return 4;
    default:
      return -1;
  }
}

/** The countries whose numbers a name in the text gives away when they follow it. The text is as `wordsOf` reads it. */
export function namedIds(words: string): readonly string[] {
  return formats.filter(({ context }) => context?.test(words) === true).map(({ country }) => country);
}

export const nationalId: NumberDetector = {
  ...piiDefaults,
  id: 'national-id',
  title: 'National identity, tax or health number with its check digit',
  source:
    'the issuing authorities: Agenzia delle Entrate, Receita Federal, GB 11643, DVV, INSEE, SSA, NHS, BZSt, Ministerio del Interior, RvIG, UIDAI, Skatteverket, ESDC, MOIS',
  find: (read) => spansAt(read, idAt),
  examples: {
    hit: [
      inParts('RSSMRA85', 'T10A562S'),
      inParts('529.982', '.247-25'),
      inParts('CPF: 529982', '24725'),
      inParts('11010519', '491231002X'),
      inParts('131052', '-308T'),
      inParts('131052', 'B308T'),
      inParts('SSN: 219', '-09-9999'),
      inParts('customerSsn = "219', '099999"'),
      inParts('Social Security No.\u00a0219', '\u201309\u20139999 OK 17'),
      inParts('NHS number 943', ' 476 5919'),
      inParts('Steuer-ID 86 ', '095 742 719'),
      inParts('DNI 12345', '678Z'),
      inParts('DNI 12.345', '.678-Z'),
      inParts('bsn=1112', '22333'),
      inParts('PESEL 4405', '1401359'),
      inParts('Aadhaar: 2341', ' 2341 2346'),
      inParts('personnummer 811228', '-9874'),
      inParts('personnummer 19811228', '9874'),
      inParts('SIN 046 454', ' 286').replace('046', '130').replace('454', '692').replace('286', '544'),
    ],
    miss: [
      '529.982.247-24',
      '52998224725',
      '219-09-9999',
      'order 943 476 5919',
      '12345678Z',
      '110105194912310021',
      'SSN: 000-12-3456',
      'SSN: 12-219-09-9999',
      'version 1.2.3.4.5.6.7',
      '2024-01-02',
      '192.168.100.200',
    ],
  },
};

function idAt(read: NumberText, index: number): Span | null {
  const { pieces } = read;
  let node = 0;
  let candidatesAt = formatsAt;
  for (let at = index; at < pieces.length; at++) {
    const { end, start: from, gap, isDigits } = pieces[at] as NumberPiece;
    const before = at === index ? 0 : gapKind(gap);
    if (before < 0 || end - from > groupUnitsMax) return null;
    node = steps[node * stepsOfNode + stepOf(before, end - from)] as number;
    if (node === 0) return null;
    if (!isDigits) candidatesAt = letteredAt;
    const found = judge(read, index, at, candidatesAt[node] as readonly IdFormat[]);
    if (found !== null) return found;
  }
  return null;
}

function judge(read: NumberText, first: number, last: number, candidates: readonly IdFormat[]): Span | null {
  if (candidates.length === 0) return null;
  const { start } = read.pieces[first] as NumberPiece;
  const { end } = read.pieces[last] as NumberPiece;
  if (isJoinedBefore(read, start) || isJoinedAfter(read, end)) return null;
  const id = withoutGaps(read, first, last);
  let words: string | undefined;
  for (const { country, pattern, check, context } of candidates) {
    if (!pattern.test(id) || !check(id)) continue;
    if (context !== null) {
      words ??= wordsBefore(read, start, idStems);
      if (!context.test(words)) continue;
    }
    return { start, end, confidence: 'medium', label: `national-id-${country}`, secret: id };
  }
  return null;
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

const cpfWeights = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
const cpfWeightsOfFirst = cpfWeights.slice(1);

function isCpf(id: string): boolean {
  const digit = (weights: readonly number[]) => ((weightedSum(id, weights) * 10) % 11) % 10;
  const passes = digit(cpfWeightsOfFirst) === Number(id[9]) && digit(cpfWeights) === Number(id[10]);
  return passes && !/^(.)\1+$/.test(id);
}

function isFinnish(id: string): boolean {
  // The sign of the century is a separator or a letter.
  const digits = id.slice(0, 6) + id.slice(-4, -1);
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

/** With or without the century, which the check digit does not count. */
function isSwedish(id: string): boolean {
  return passesLuhn(id.slice(-10));
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
