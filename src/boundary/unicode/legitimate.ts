/**
 * Where an invisible character does work that a reader needs. Each rule looks at the code point that stays before it and
 * the one that follows, and trusts only neighbours that are never taken out, so that what is kept once is kept always.
 */

/** Scripts whose shaping uses ZWJ and ZWNJ (UAX #31 §2.3, and the cursive and Brahmic scripts beside those). */
const joiningScript =
  /[\p{scx=Arab}\p{scx=Syrc}\p{scx=Mong}\p{scx=Nkoo}\p{scx=Adlm}\p{scx=Rohg}\p{scx=Mand}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\p{scx=Java}\p{scx=Bali}\p{scx=Newa}\p{scx=Tirh}]/u;
/** Scripts written without spaces, where ZWSP marks a break. */
const spacelessScript = /[\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}]/u;
const emojiBefore = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]/u;
const pictograph = /\p{Extended_Pictographic}/u;
const hasVariants = /[\p{S}\p{P}\p{Emoji}\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Mymr}\p{sc=Phag}\p{sc=Mani}]/u;
const rightToLeftLetter =
  /[\p{L}&&[\p{sc=Arab}\p{sc=Hebr}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Adlm}\p{sc=Rohg}\p{sc=Samr}\p{sc=Mand}]]/v;
const letter = /\p{L}/u;
const ignorable = /\p{Default_Ignorable_Code_Point}/u;

const zeroWidthNonJoiner = 0x20_0c;
const zeroWidthJoiner = 0x20_0d;

export interface Neighbours {
  /** The code point before, as far as it stays; empty at the start. */
  readonly before: string;
  /** The code point after; empty at the end. */
  readonly after: string;
  readonly isTextStart: boolean;
  /** Whether the text has a letter of a script that runs right to left. */
  readonly isRightToLeft: () => boolean;
}

export function hasRightToLeftLetter(text: string): boolean {
  return rightToLeftLetter.test(text);
}

export function isLegitimateZeroWidth(codePoint: number, near: Neighbours): boolean {
  switch (codePoint) {
    case zeroWidthJoiner:
      return (emojiBefore.test(near.before) && pictograph.test(near.after)) || joinsScript(near);
    case zeroWidthNonJoiner:
      return joinsScript(near);
    case 0x20_0b:
      return (
        isVisible(near.before) && (spacelessScript.test(near.before) || spacelessScript.test(near.after))
      );
    case 0x20_0e:
    case 0x20_0f:
    case 0x06_1c:
      return near.isRightToLeft() && !isMark(near.before);
    case 0xfe_ff:
      return near.isTextStart;
    case 0xad:
      return letter.test(near.before) && letter.test(near.after);
    case 0x11_5f:
    case 0x11_60:
      return /[\u1100-\u115e\u1161-\u11ff]/.test(near.before + near.after);
    default:
      return false;
  }
}

/** One selector after something that has variants: emoji, ideographs, symbols, Mongolian letters, keycaps. */
export function isLegitimateVariation(codePoint: number, near: Neighbours): boolean {
  if (!isVisible(near.before)) return false;
  if (codePoint >= 0xe_01_00) return /\p{Script=Han}/u.test(near.before);
  if (codePoint < 0xfe_00) return /\p{scx=Mong}/u.test(near.before);
  if (/^[0-9#*]$/.test(near.before)) return near.after === '\u20e3';
  return near.before > '\u007f' && hasVariants.test(near.before);
}

function joinsScript({ before, after }: Neighbours): boolean {
  return !isMark(before) && (joiningScript.test(before) || (isVisible(after) && joiningScript.test(after)));
}

function isVisible(character: string): boolean {
  return character !== '' && !ignorable.test(character);
}

function isMark(character: string): boolean {
  return character !== '' && ignorable.test(character);
}
