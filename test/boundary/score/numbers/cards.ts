/** Payment cards: ISO/IEC 7812-1, with the ranges and lengths that the networks publish. */
import type { Random } from '../random.ts';
import type { NumberForm } from './number-form.ts';
import { byFour, inGroups, luhnDigit } from './number-form.ts';

/** `network, ranges of its first digits, digits`. Maestro's ranges are those of many other numbers. */
const networks: readonly (readonly [network: string, prefixes: readonly string[], digits: number])[] = [
  ['Visa', ['4'], 16],
  ['Visa', ['4'], 19],
  ['Mastercard', ['51', '52', '53', '54', '55'], 16],
  ['Mastercard, 2 series', ['2221', '2229', '223', '230', '250', '269', '270', '271', '2720'], 16],
  ['American Express', ['34', '37'], 15],
  ['Discover', ['6011', '644', '645', '648', '649', '65'], 16],
  ['Discover', ['6011', '65'], 19],
  ['JCB', ['3528', '3529', '353', '356', '3589'], 16],
  ['Diners Club', ['300', '305', '36', '38', '39'], 14],
  ['UnionPay', ['62'], 16],
  ['UnionPay', ['62'], 19],
];

const names = [
  'card number',
  'card',
  'PAN',
  'credit card',
  'Kreditkartennummer',
  'numéro de carte',
  'número de tarjeta',
  'カード番号',
];

export const cardForms: readonly NumberForm[] = networks.flatMap(([of, prefixes, digits]) => {
  const make = (random: Random) => {
    const prefix = random.pick(prefixes);
    const body = prefix + random.text('d', digits - 1 - prefix.length);
    return body + luhnDigit(body);
  };
  const form = (written: string, write: (number: string) => string): NumberForm => ({
    kind: 'payment card',
    of,
    written: `${digits} digits, ${written}`,
    names,
    needsName: false,
    hasCheck: true,
    make: (random) => write(make(random)),
  });
  return [
    form('plain', (number) => number),
    form('with spaces', (number) => asPrinted(number, ' ')),
    form('with hyphens', (number) => asPrinted(number, '-')),
  ];
});

/** As on the card: four by four, of those with 14 and 15 digits 4-6-4 and 4-6-5. */
function asPrinted(number: string, separator: string): string {
  return number.length < 16 ? inGroups(number, [4, 6, 5], separator) : byFour(number, separator);
}
