/**
 * A text as one byte for each UTF-16 unit, which is what every search for candidates reads: several times faster than the
 * characters of a string, and small enough for tables. Whatever is found there is verified on the text itself.
 */
export interface TextCodes {
  readonly text: string;
  /** ASCII stands for itself, everything else for what the alphabet makes of it. */
  readonly codes: Buffer;
}

/** Code of each UTF-16 unit. */
export interface Alphabet {
  readonly codeOf: Uint8Array;
  /** Codes of units that may have to be taken out: controls, and what a reader does not see. */
  readonly hidden: ReadonlySet<number>;
}

const otherCode = 0x80;
/** All units that may be hidden beyond ASCII. */
export const invisibleCode = 0x81;
/** What numbers are typeset with instead of a space, a hyphen and the digits of a keyboard. */
export const typesetCodes = { space: 0x82, dash: 0x83, digit: 0x84 } as const;
const letterCodeMin = 0x85;
const letterCodes = 0x100 - letterCodeMin;

/**
 * Beyond ASCII the letters of the literals get codes of their own, both cases one; when there are more of them than codes,
 * some share one, and the text tells them apart.
 */
export function buildAlphabet(literals: readonly string[]): Alphabet {
  const codeOf = new Uint8Array(65_536).fill(otherCode);
  for (let unit = 0; unit < otherCode; unit++) codeOf[unit] = unit;
  for (const [code, first, last] of typesetUnits) codeOf.fill(code, first, last + 1);
  let letters = 0;
  for (const literal of literals) {
    for (let at = 0; at < literal.length; at++) {
      if (codeOf[literal.charCodeAt(at)] !== otherCode) continue;
      const code = letterCodeMin + (letters++ % letterCodes);
      for (const form of casesOf(literal.charAt(at))) codeOf[form.charCodeAt(0)] = code;
    }
  }
  for (const [first, last] of invisibleUnits) codeOf.fill(invisibleCode, first, last + 1);
  const hidden = new Set([invisibleCode, 0x7f]);
  for (let unit = 0; unit < 0x20; unit++) if (!'\t\n\r'.includes(String.fromCharCode(unit))) hidden.add(unit);
  return { codeOf, hidden };
}

/** No-break, figure, narrow and ideographic spaces; hyphens, the en dash and the minus sign; full-width digits. A long dash stands between words. */
const typesetUnits: readonly (readonly [code: number, first: number, last: number])[] = [
  [typesetCodes.space, 0xa0, 0xa0],
  [typesetCodes.space, 0x20_00, 0x20_0a],
  [typesetCodes.space, 0x20_2f, 0x20_2f],
  [typesetCodes.space, 0x20_5f, 0x20_5f],
  [typesetCodes.space, 0x30_00, 0x30_00],
  [typesetCodes.dash, 0x20_10, 0x20_13],
  [typesetCodes.dash, 0x22_12, 0x22_12],
  [typesetCodes.dash, 0xfe_58, 0xfe_58],
  [typesetCodes.dash, 0xfe_63, 0xfe_63],
  [typesetCodes.dash, 0xff_0d, 0xff_0d],
  [typesetCodes.digit, 0xff_10, 0xff_19],
];

/** C1 controls, Default_Ignorable_Code_Point, interlinear annotations; of those beyond the basic plane the first half. */
const invisibleUnits: readonly (readonly [number, number])[] = [
  [0x80, 0x9f],
  [0xad, 0xad],
  [0x03_4f, 0x03_4f],
  [0x06_1c, 0x06_1c],
  [0x11_5f, 0x11_60],
  [0x17_b4, 0x17_b5],
  [0x18_0b, 0x18_0f],
  [0x20_0b, 0x20_0f],
  [0x20_2a, 0x20_2e],
  [0x20_60, 0x20_6f],
  [0x31_64, 0x31_64],
  [0xfe_00, 0xfe_0f],
  [0xfe_ff, 0xfe_ff],
  [0xff_a0, 0xff_a0],
  [0xff_f0, 0xff_fb],
  // U+1BCA0..1BCA3, U+1D173..1D17A, U+E0000..E0FFF
  [0xd8_2f, 0xd8_2f],
  [0xd8_34, 0xd8_34],
  [0xdb_40, 0xdb_43],
];

/** The letter in both cases. The dotless i is no case of I: only what goes there and back. */
export function casesOf(letter: string): readonly string[] {
  const others = [letter.toLowerCase(), letter.toUpperCase()].filter(
    (form) =>
      form.length === 1 && form !== letter && [form.toLowerCase(), form.toUpperCase()].includes(letter),
  );
  return [letter, ...others];
}

/** So much of a text is looked at together, in a buffer that stays in a processor's cache. */
const blockUnits = 65_536;
/** Units that are told to be ASCII with one comparison: four pairs of them. */
const stepUnits = 8;
/** Bits of two units side by side that ASCII leaves empty. */
const beyondAscii = 0xff_80_ff_80;

export function encodeText(text: string, { codeOf }: Alphabet): TextCodes {
  if (Buffer.byteLength(text) === text.length) return { text, codes: Buffer.from(text, 'latin1') };
  // The low byte of each unit, which is the code of most; then those that are beyond ASCII, of which there are few.
  const codes = Buffer.from(text, 'latin1');
  const units = new Uint16Array(Math.min(blockUnits, text.length) + stepUnits);
  const pairs = new Uint32Array(units.buffer, 0, units.length >> 1);
  const bytes = Buffer.from(units.buffer);
  for (let from = 0; from < text.length; from += blockUnits) {
    const count = Math.min(blockUnits, text.length - from);
    bytes.write(text.slice(from, from + count), 'utf16le');
    for (let at = 0, pair = 0; at < count; at += stepUnits, pair += stepUnits / 2) {
      // Inside the buffer, which is longer than a block.
      const any =
        (pairs[pair] as number) |
        (pairs[pair + 1] as number) |
        (pairs[pair + 2] as number) |
        (pairs[pair + 3] as number);
      if ((any & beyondAscii) === 0) continue;
      const end = Math.min(count, at + stepUnits);
      // A table of all units: the index is always inside it.
      for (let unit = at; unit < end; unit++) codes[from + unit] = codeOf[units[unit] as number] as number;
    }
  }
  return { text, codes };
}
