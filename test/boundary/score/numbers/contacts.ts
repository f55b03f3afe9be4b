/** Telephone numbers (ITU-T E.164, E.123 and what countries publish about theirs) and e-mail addresses (RFC 5322 §3.4.1). */
import type { Random } from '../random.ts';
import { fill } from '../random.ts';
import type { NumberForm } from './number-form.ts';

/** `country, code, after the code, in the country`: `#` is any digit. Most are of ranges kept for films and examples. */
const telephones: readonly (readonly [of: string, code: string, after: string, national: string])[] = [
  ['us', '1', '212-555-01##', '(212) 555-01##'],
  ['us', '1', '(415) 555-01##', '415-555-01##'],
  ['us', '1', '312 555 01##', '312.555.01##'],
  ['gb', '44', '20 7946 0###', '020 7946 0###'],
  ['gb', '44', '7700 900###', '07700 900###'],
  ['de', '49', '30 23125 ###', '030 23125 ###'],
  ['de', '49', '171 39200##', '0171 39200##'],
  ['fr', '33', '1 99 00 ## ##', '01 99 00 ## ##'],
  ['fr', '33', '6 39 98 ## ##', '06 39 98 ## ##'],
  ['es', '34', '612 34 ## ##', '612 34 ## ##'],
  ['it', '39', '06 6982 ####', '06 6982 ####'],
  ['nl', '31', '20 794 0###', '020 794 0###'],
  ['in', '91', '98765 4####', '098765 4####'],
  ['br', '55', '11 91234-####', '(11) 91234-####'],
  ['jp', '81', '3-5555-####', '03-5555-####'],
  ['au', '61', '491 570 ###', '0491 570 ###'],
  ['ch', '41', '44 668 18 ##', '044 668 18 ##'],
  ['se', '46', '8-465 004 ##', '08-465 004 ##'],
];

const telephoneNames = [
  'Phone',
  'Tel.',
  'telephone',
  'mobile',
  'phone number',
  'Telefon',
  'téléphone',
  'teléfono',
];

const telephoneForms: readonly NumberForm[] = telephones.flatMap(([of, code, after, national]) => {
  const form = (
    kind: NumberForm['kind'],
    written: string,
    template: string,
    needsName: boolean,
  ): NumberForm => ({
    kind,
    of,
    written,
    names: telephoneNames,
    needsName,
    hasCheck: false,
    make: (random) => template.replaceAll('#', () => random.text('d', 1)),
  });
  return [
    form('telephone, international', `+${code} ${after}`, `+${code} ${after}`, false),
    form('telephone, international', 'plain', `+${code}${after.replaceAll(/[^\d#]/g, '')}`, false),
    form('telephone, national', national, national, true),
  ];
});

const addresses: readonly (readonly [written: string, template: string])[] = [
  ['name.name', '{a:3-8}.{a:4-9}@example.com'],
  ['name', '{a:5-12}@{a:4-9}.example.org'],
  ['with a tag', '{a:4-9}+{a0:3-8}@example.net'],
  ['with digits and underscore', '{a:4-8}_{d:2-4}@mail.example.co.uk'],
  ['with hyphens', '{a:3-6}-{a:3-6}@{a:4-6}-{a:3-5}.example.de'],
  ['in capitals', '{HEX:4}.SMITH@EXAMPLE.COM'],
];

const addressForms: readonly NumberForm[] = addresses.map(([written, template]) => ({
  kind: 'e-mail address',
  of: 'any',
  written,
  names: ['e-mail', 'email', 'E-Mail-Adresse', 'courriel', 'contact'],
  needsName: false,
  hasCheck: false,
  make: (random: Random) => fill(template, random),
}));

export const contactForms: readonly NumberForm[] = [...telephoneForms, ...addressForms];
