/** Numbers of persons as the issuing authorities build them, check digits included. All of them are made up. */
import type { Random } from '../random.ts';
import type { NumberForm } from './number-form.ts';
import { dot, inGroups, luhnDigit, numbersOf, twoDigits } from './number-form.ts';

type Write = (id: string) => string;
type Written = readonly [written: string, write: Write, needsName: boolean];

const plain: Write = (id) => id;
const grouped =
  (separator: string, ...lengths: number[]): Write =>
  (id) =>
    inGroups(id, lengths, separator);

interface Issued {
  readonly of: string;
  readonly names: readonly string[];
  readonly make: (random: Random) => string;
  readonly forms: readonly Written[];
  readonly hasCheck?: boolean;
}

const issued: readonly Issued[] = [
  {
    of: 'it',
    names: ['codice fiscale', 'CF', 'tax code'],
    make: makeCodiceFiscale,
    forms: [['plain', plain, false]],
  },
  {
    of: 'br',
    names: ['CPF', 'número do CPF'],
    make: makeCpf,
    forms: [
      ['000.000.000-00', (id) => `${inGroups(id.slice(0, 9), [3, 3, 3], '.')}-${id.slice(9)}`, false],
      ['plain', plain, true],
    ],
  },
  {
    of: 'cn',
    names: ['身份证号', '身份证号码', '公民身份号码', 'ID number', 'resident id'],
    make: makeChinese,
    forms: [['plain', plain, false]],
  },
  {
    of: 'fi',
    names: ['henkilötunnus', 'HETU', 'personbeteckning'],
    make: (random) => makeFinnish(random, ['+', '-', 'A']),
    forms: [['plain', plain, false]],
  },
  {
    of: 'fi, signs since 2023',
    names: ['henkilötunnus', 'HETU', 'personbeteckning'],
    make: (random) => makeFinnish(random, [...'YXWVUBCDEF']),
    forms: [['plain', plain, false]],
  },
  {
    of: 'fr',
    names: ['numéro de sécurité sociale', 'NIR', 'n° de sécu', 'numéro INSEE'],
    make: makeFrench,
    forms: [
      ['plain', plain, false],
      ['with spaces', grouped(' ', 1, 2, 2, 2, 3, 3, 2), false],
    ],
  },
  {
    of: 'us',
    names: [
      'SSN',
      'Social Security Number',
      'Social Security No.',
      'social security',
      'número de seguro social',
    ],
    make: makeAmerican,
    forms: [
      ['with hyphens', grouped('-', 3, 2, 4), true],
      ['with spaces', grouped(' ', 3, 2, 4), true],
      ['plain', plain, true],
    ],
    hasCheck: false,
  },
  {
    of: 'gb',
    names: ['NHS number', 'NHS No', 'NHS', 'NHS no.'],
    make: makeNhs,
    forms: [
      ['plain', plain, true],
      ['with spaces', grouped(' ', 3, 3, 4), true],
      ['with hyphens', grouped('-', 3, 3, 4), true],
    ],
  },
  {
    of: 'de',
    names: [
      'Steuer-ID',
      'Steueridentifikationsnummer',
      'Steuerliche Identifikationsnummer',
      'IdNr',
      'IdNr.',
      'Identifikationsnummer',
      'tax id',
    ],
    make: makeGerman,
    forms: [
      ['plain', plain, true],
      ['with spaces', grouped(' ', 2, 3, 3, 3), true],
    ],
  },
  {
    of: 'es',
    names: ['DNI', 'NIF', 'número de DNI', 'documento nacional de identidad', 'DNI/NIE'],
    make: (random) => withSpanishLetter(random.text('d', 8)),
    forms: [
      ['plain', plain, true],
      ['with a hyphen', (id) => `${id.slice(0, 8)}-${id.slice(8)}`, true],
      ['with dots', (id) => `${inGroups(id.slice(0, 8), [2, 3, 3], '.')}-${id.slice(8)}`, true],
    ],
  },
  {
    of: 'es, foreigners',
    names: ['NIE', 'NIF', 'número de identidad de extranjero', 'DNI/NIE'],
    make: makeNie,
    forms: [
      ['plain', plain, true],
      ['with hyphens', grouped('-', 1, 7, 1), true],
    ],
  },
  {
    of: 'nl',
    names: ['BSN', 'burgerservicenummer', 'BSN-nummer', 'sofinummer'],
    make: makeBsn,
    forms: [
      ['plain', plain, true],
      ['with dots', grouped('.', 4, 2, 3), true],
      ['with spaces', grouped(' ', 3, 3, 3), true],
    ],
  },
  { of: 'pl', names: ['PESEL', 'numer PESEL', 'nr PESEL'], make: makePesel, forms: [['plain', plain, true]] },
  {
    of: 'in',
    names: ['Aadhaar', 'Aadhaar number', 'Aadhar No.', 'UID', 'UIDAI', 'आधार'],
    make: makeAadhaar,
    forms: [
      ['plain', plain, true],
      ['with spaces', grouped(' ', 4, 4, 4), true],
      ['with hyphens', grouped('-', 4, 4, 4), true],
    ],
  },
  {
    of: 'se',
    names: ['personnummer', 'personnr', 'pers.nr', 'personal identity number', 'personal number'],
    make: makeSwedish,
    forms: [
      ['YYMMDD-NNNN', (id) => `${id.slice(2, 8)}-${id.slice(8)}`, true],
      ['YYYYMMDD-NNNN', (id) => `${id.slice(0, 8)}-${id.slice(8)}`, true],
      ['10 digits', (id) => id.slice(2), true],
      ['12 digits', plain, true],
    ],
  },
  {
    of: 'ca',
    names: ['SIN', 'Social Insurance Number', 'social insurance no.', "numéro d'assurance sociale", 'NAS'],
    make: makeCanadian,
    forms: [
      ['plain', plain, true],
      ['with spaces', grouped(' ', 3, 3, 3), true],
      ['with hyphens', grouped('-', 3, 3, 3), true],
    ],
  },
  {
    of: 'kr',
    names: ['주민등록번호', '주민번호', 'RRN', 'resident registration number'],
    make: makeKorean,
    forms: [
      ['with a hyphen', grouped('-', 6, 7), false],
      ['plain', plain, true],
    ],
  },
];

export const idForms: readonly NumberForm[] = issued.flatMap(({ of, names, make, forms, hasCheck = true }) =>
  forms.map(([written, write, needsName]): NumberForm => ({
    kind: 'national id',
    of,
    written,
    names,
    needsName,
    hasCheck,
    make: (random) => write(make(random)),
  })),
);

/** Decree of 23 December 1976: values of the characters at odd places. */
const oddValues: Readonly<Record<string, number>> = Object.fromEntries(
  (
    '0:1 1:0 2:5 3:7 4:9 5:13 6:15 7:17 8:19 9:21 A:1 B:0 C:5 D:7 E:9 F:13 G:15 H:17 I:19 J:21 K:2 L:4 M:18 N:20 O:11 P:3 ' +
    'Q:6 R:8 S:12 T:14 U:16 V:10 W:22 X:25 Y:24 Z:23'
  )
    .split(' ')
    .map((entry) => [entry.charAt(0), Number(entry.slice(2))]),
);

function makeCodiceFiscale(random: Random): string {
  const consonants = [...'BCDFGLMNPRSTVZ'];
  const name = Array.from({ length: 6 }, () => random.pick(consonants)).join('');
  const day = 1 + random.below(28) + 40 * random.below(2);
  const born = `${twoDigits(random, 30, 99)}${random.pick([...'ABCDEHLMPRST'])}${String(day).padStart(2, '0')}`;
  const body = `${name}${born}${random.pick([...'ABCDEFGHILZ'])}${random.text('d', 3)}`;
  const sum = [...body].reduce((sum, character, at) => {
    const even = /\d/.test(character) ? Number(character) : character.charCodeAt(0) - 65;
    return sum + (at % 2 === 0 ? (oddValues[character] ?? 0) : even);
  }, 0);
  return body + String.fromCharCode(65 + (sum % 26));
}

function makeCpf(random: Random): string {
  const body = random.text('d', 9);
  const checkOf = (digits: string, first: number) => {
    const rest = dot(
      digits,
      numbersOf(digits).map((_, at) => first - at),
    );
    return rest % 11 < 2 ? '0' : String(11 - (rest % 11));
  };
  const one = checkOf(body, 10);
  return `${body}${one}${checkOf(body + one, 11)}`;
}

/** GB 11643: the weights are powers of two modulo 11. */
function makeChinese(random: Random): string {
  const place = random.pick(['110105', '310104', '440305', '510107', '330106', '420111']);
  const body = `${place}${birthday(random)}${random.text('d', 3)}`;
  const sum = dot(body, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
  return body + '10X98765432'.charAt(sum % 11);
}

/** YYYYMMDD. */
function birthday(random: Random): string {
  return `19${twoDigits(random, 30, 99)}${twoDigits(random, 1, 12)}${twoDigits(random, 1, 28)}`;
}

function makeFinnish(random: Random, signs: readonly string[]): string {
  const date = `${twoDigits(random, 1, 28)}${twoDigits(random, 1, 12)}${random.text('d', 2)}`;
  const number = String(2 + random.below(898)).padStart(3, '0');
  const check = '0123456789ABCDEFHJKLMNPRSTUVWXY'.charAt(Number(date + number) % 31);
  return `${date}${random.pick(signs)}${number}${check}`;
}

function makeFrench(random: Random): string {
  const department = random.pick(['01', '2A', '2B', '13', '31', '33', '59', '69', '75', '93', '97', '99']);
  const born = `${twoDigits(random, 0, 99)}${twoDigits(random, 1, 12)}`;
  const body = `${random.pick(['1', '2'])}${born}${department}${random.text('d', 6)}`;
  // Corsica counts as 19 and 18.
  const number = BigInt(body.replace('2A', '19').replace('2B', '18'));
  return body + String(97n - (number % 97n)).padStart(2, '0');
}

function makeAmerican(random: Random): string {
  let area = 1 + random.below(898);
  if (area === 666) area++;
  const group = twoDigits(random, 1, 99);
  return `${String(area).padStart(3, '0')}${group}${String(1 + random.below(9998)).padStart(4, '0')}`;
}

function makeNhs(random: Random): string {
  for (;;) {
    const body = `${random.pick(['4', '6', '9'])}${random.text('d', 8)}`;
    const check = 11 - (dot(body, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
    if (check !== 10) return body + String(check % 11);
  }
}

/** One of the first ten digits stands there twice, one not at all. ISO 7064 MOD 11,10. */
function makeGerman(random: Random): string {
  const digits = [...'0123456789'];
  for (let at = digits.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [digits[at], digits[other]] = [digits[other] ?? '', digits[at] ?? ''];
  }
  digits[9] = digits[random.below(8)] ?? '';
  const body = digits.join('').replace(/^0(.)/, '$10');
  const product = numbersOf(body).reduce((product, digit) => (((digit + product) % 10 || 10) * 2) % 11, 10);
  return body + String((11 - product) % 10);
}

function withSpanishLetter(number: string, leading = ''): string {
  const value = Number({ X: '0', Y: '1', Z: '2' }[leading] ?? '') * 10_000_000 + Number(number);
  return `${leading}${number}${'TRWAGMYFPDXBNJZSQVHLCKE'.charAt(value % 23)}`;
}

function makeNie(random: Random): string {
  return withSpanishLetter(random.text('d', 7), random.pick(['X', 'Y', 'Z']));
}

function makeBsn(random: Random): string {
  for (;;) {
    const body = `${1 + random.below(3)}${random.text('d', 7)}`;
    const check = dot(body, [9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    if (check !== 10) return body + String(check);
  }
}

function makePesel(random: Random): string {
  const isOfThisCentury = random.below(4) === 0;
  const year = isOfThisCentury ? twoDigits(random, 0, 24) : twoDigits(random, 30, 99);
  const month = 1 + random.below(12) + (isOfThisCentury ? 20 : 0);
  const body = `${year}${String(month).padStart(2, '0')}${twoDigits(random, 1, 28)}${random.text('d', 4)}`;
  return body + String((10 - (dot(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10);
}

/** Verhoeff: the check digit is what undoes the product of the others in the symmetries of a pentagon. */
function makeAadhaar(random: Random): string {
  const body = `${2 + random.below(8)}${random.text('d', 10)}`;
  const product = numbersOf(body)
    .toReversed()
    .reduce((product, digit, at) => inPentagon(product, permuted(digit, at + 1)), 0);
  return body + String([...'0123456789'].findIndex((_, digit) => inPentagon(product, digit) === 0));
}

/** 0 to 4 turn the pentagon, 5 to 9 turn and flip it. */
function inPentagon(one: number, other: number): number {
  const turned = (one < 5 ? one + other : one - other + 10) % 5;
  return one < 5 === other < 5 ? turned : turned + 5;
}

function permuted(digit: number, times: number): number {
  let at = digit;
  for (let time = 0; time < times % 8; time++) at = Number('1576283094'.charAt(at));
  return at;
}

/** With the century, which the check digit does not count. */
function makeSwedish(random: Random): string {
  const body = `${birthday(random)}${random.text('d', 3)}`;
  return body + luhnDigit(body.slice(2));
}

function makeCanadian(random: Random): string {
  const body = `${random.pick(['1', '2', '4', '5', '6', '7', '9'])}${random.text('d', 7)}`;
  return body + luhnDigit(body);
}

function makeKorean(random: Random): string {
  const body = `${birthday(random).slice(2)}${1 + random.below(2)}${random.text('d', 5)}`;
  return body + String((11 - (dot(body, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10);
}
