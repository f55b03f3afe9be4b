/**
 * The unicode stage: every character that a reader does not see, what it is, and whether it may stay.
 * Hostile: the whole text, which must be well-formed. Ordinary text costs one search; each invisible character costs a look at its neighbours.
 */
import type { InvisibleKind } from './detectors.ts';
import { escapeSequenceLength } from './escape-sequence.ts';
import { hasRightToLeftLetter, isLegitimateVariation, isLegitimateZeroWidth } from './legitimate.ts';

export interface Invisible {
  /** null: it does legitimate work here and stays. Searches for secrets look through it all the same. */
  readonly kind: InvisibleKind | null;
  readonly start: number;
  readonly end: number;
  /** It belongs to an emoji or a symbol, so it splits nothing that a token is made of. */
  readonly isApart: boolean;
}

/** Flags of England, Scotland and Wales: the only tag sequences that are recommended for interchange (UTS #51, ED-28). */
const subdivisionFlags = ['gbeng', 'gbsct', 'gbwls'].map(
  (name) =>
    `\u{1f3f4}${[...name].map((letter) => String.fromCodePoint(0xe_00_00 + letter.charCodeAt(0))).join('')}\u{e007f}`,
);
const blackFlagUnits = 2;

/** Characters that `findInvisible` looks at. */
export const mayBeInvisible = /[[\p{Cc}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]--[\t\n\r]]/gv;
const invisibleCharacter = new RegExp(`^${mayBeInvisible.source}$`, 'v');
const nothingInvisible: readonly Invisible[] = [];

/**
 * Invisible characters and escape sequences in order, without overlaps; neighbours of one kind are one. `places` are those
 * of all characters that may be invisible, in order.
 */
export function findInvisible(text: string, places: readonly number[]): readonly Invisible[] {
  if (places.length === 0) return nothingInvisible;
  const isRightToLeft = once(() => hasRightToLeftLetter(text));
  const found: (Omit<Invisible, 'end'> & { end: number })[] = [];
  /** Where what stays before the current place ends: everything between it and the last removal is gone. */
  let keptUntil = 0;
  for (const start of places) {
    const last = found.at(-1);
    if (last !== undefined && start < last.end) continue;
    const units = (text.codePointAt(start) ?? 0) > 0xff_ff ? 2 : 1;
    // Of ASCII only controls are among the places.
    if (text.charCodeAt(start) > 0x7f && !invisibleCharacter.test(text.slice(start, start + units))) continue;
    const follows = last !== undefined && last.end === start;
    if (!follows || last.kind === null) keptUntil = start;
    const one = classify(text, start, start + units, keptUntil, isRightToLeft);
    if (follows && last.kind === one.kind && last.isApart === one.isApart) last.end = one.end;
    else found.push(one);
  }
  return found;
}

function classify(
  text: string,
  start: number,
  end: number,
  keptUntil: number,
  isRightToLeft: () => boolean,
): Invisible {
  const codePoint = text.codePointAt(start) ?? 0;
  if (codePoint <= 0x9f) {
    const length = escapeSequenceLength(text, start);
    return length > 0
      ? { kind: 'ansi-escape', start, end: start + length, isApart: false }
      : { kind: 'control-character', start, end, isApart: false };
  }
  if (isBidiOverride(codePoint)) return { kind: 'bidi-override', start, end, isApart: false };
  if (isTag(codePoint)) return classifyTag(text, start, end);
  const near = {
    before: codePointBefore(text, keptUntil),
    after: codePointAt(text, end),
    isTextStart: start === 0,
    isRightToLeft,
  };
  const isLegitimate = isVariationSelector(codePoint)
    ? isLegitimateVariation(codePoint, near)
    : isLegitimateZeroWidth(codePoint, near);
  if (isLegitimate) return { kind: null, start, end, isApart: emojiOrSymbol.test(near.before) };
  const kind = isVariationSelector(codePoint) ? 'variation-selector' : 'zero-width';
  return { kind, start, end, isApart: false };
}

function classifyTag(text: string, start: number, end: number): Invisible {
  const flag = subdivisionFlags.find((flag) => text.startsWith(flag, start - blackFlagUnits));
  if (flag === undefined) return { kind: 'unicode-tag', start, end, isApart: false };
  return { kind: null, start, end: start - blackFlagUnits + flag.length, isApart: true };
}

const emojiOrSymbol = /^[[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{So}]--[\u0000-\u007f]]$/v;

export function isTag(codePoint: number): boolean {
  return codePoint >= 0xe_00_00 && codePoint <= 0xe_00_7f;
}

export function isVariationSelector(codePoint: number): boolean {
  return (
    (codePoint >= 0xfe_00 && codePoint <= 0xfe_0f) ||
    (codePoint >= 0xe_01_00 && codePoint <= 0xe_01_ef) ||
    (codePoint >= 0x18_0b && codePoint <= 0x18_0f && codePoint !== 0x18_0e)
  );
}

function isBidiOverride(codePoint: number): boolean {
  return (codePoint >= 0x20_2a && codePoint <= 0x20_2e) || (codePoint >= 0x20_66 && codePoint <= 0x20_69);
}

function codePointAt(text: string, at: number): string {
  const codePoint = text.codePointAt(at);
  return codePoint === undefined ? '' : String.fromCodePoint(codePoint);
}

function codePointBefore(text: string, end: number): string {
  if (end === 0) return '';
  return text.slice(end - (end > 1 && isLowSurrogate(text.charCodeAt(end - 1)) ? 2 : 1), end);
}

/** In well-formed text, the second half of a character outside the basic plane. */
function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc_00 && unit <= 0xdf_ff;
}

function once(compute: () => boolean): () => boolean {
  let value: boolean | null = null;
  return () => (value ??= compute());
}
