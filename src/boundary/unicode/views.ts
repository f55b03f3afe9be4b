/**
 * Texts that can be read out of a text with invisible characters in it: as it stands, as a person sees it, and what
 * tag characters and variation selectors spell. Secrets are looked for in each; places lead back to the original.
 */
import type { Seams } from '../scan/seams.ts';
import { noSeams } from '../scan/seams.ts';
import type { View } from '../view.ts';
import { lastAtMost } from '../view.ts';
import type { Invisible } from './invisible.ts';
import { findInvisible, isTag, isVariationSelector, mayBeInvisible } from './invisible.ts';

/** Beside the text as it stands. */
export function viewsBeside(text: string, invisible: readonly Invisible[], seams: Seams): View[] {
  const splitting = withoutApart(invisible);
  if (splitting.length === 0) return [];
  const spelled = spells.test(text) ? spelledOut(text, splitting) : [];
  return [withoutInvisible(text, splitting, seams), ...spelled];
}

/**
 * The end of a text as a person sees it, of at least so many units where there are as many. Nothing invisible reaches over the
 * end of a line, so that no more is read than from the line on that suffices.
 */
export function seenAtEnd(text: string, unitsMin: number): string {
  for (let units = 2 * unitsMin; ; units *= 4) {
    const from = units < text.length ? text.lastIndexOf('\n', text.length - units) + 1 : 0;
    const end = text.slice(from);
    const hidden = Array.from(end.matchAll(mayBeInvisible), ({ index }) => index);
    const splitting = withoutApart(findInvisible(end, hidden));
    const seen = splitting.length === 0 ? end : withoutInvisible(end, splitting, noSeams).text;
    if (from === 0 || seen.length >= unitsMin) return seen;
  }
}

function withoutApart(invisible: readonly Invisible[]): readonly Invisible[] {
  return invisible.some(({ isApart }) => isApart) ? invisible.filter(({ isApart }) => !isApart) : invisible;
}

/** What the units of tags and variation selectors begin with. */
const spells = /[\u180b-\u180f\ufe00-\ufe0f\udb40]/;

/** Of a stretch without anything invisible only the ends are read again: its middle was seen in plain. */
const surroundingUnits = 8192;
const gap = '\n\n';
const stretchUnitsMax = 2 * surroundingUnits + gap.length;

function withoutInvisible(text: string, invisible: readonly Invisible[], seams: Seams): View {
  // Unit by unit: a text may be cut after each character, and so many strings cost more.
  const kept = new Uint16Array(Math.min(text.length, (invisible.length + 1) * stretchUnitsMax));
  /** For each stretch that was kept, where it starts here and in the original. */
  const starts: number[] = [];
  const originals: number[] = [];
  /** Where the middle of a long stretch was left out. */
  const gaps: number[] = [];
  let length = 0;
  let seen = 0;
  const keep = (unit: number) => {
    kept[length++] = unit;
    seen |= unit;
  };
  const add = (start: number, end: number) => {
    starts.push(length);
    originals.push(start);
    for (let at = start; at < end; at++) keep(text.charCodeAt(at));
  };
  const addStretch = (from: number, to: number) => {
    if (to - from <= stretchUnitsMax) {
      if (to > from) add(from, to);
      return;
    }
    if (from > 0) add(from, from + surroundingUnits);
    gaps.push(length);
    for (let at = 0; at < gap.length; at++) keep(gap.charCodeAt(at));
    if (to < text.length) add(to - surroundingUnits, to);
  };
  let from = 0;
  for (const { start, end } of invisible) {
    addStretch(from, start);
    from = end;
  }
  addStretch(from, text.length);
  const toOriginalIndex = (index: number) => {
    const piece = lastAtMost(starts, index);
    return (originals[piece] ?? 0) + index - (starts[piece] ?? 0);
  };
  return {
    text: textOf(kept.subarray(0, length), seen),
    seams: (from, to) => seams(from === 0 ? 0 : toOriginalIndex(from - 1) + 1, toOriginalIndex(to)),
    toOriginal: (start, end) => {
      const before = gaps[lastAtMost(gaps, end - 1)] ?? Number.NEGATIVE_INFINITY;
      if (before + gap.length > start) return null;
      return { start: toOriginalIndex(start), end: toOriginalIndex(end - 1) + 1, via: [] };
    },
  };
}

/** `seen`: the bits that any unit has. Texts of one byte a character are read faster. */
function textOf(units: Uint16Array, seen: number): string {
  if (seen < 0x1_00) return Buffer.from(units).toString('latin1');
  return Buffer.from(units.buffer, units.byteOffset, units.byteLength).toString('utf16le');
}

/** Tag characters mirror ASCII (U+E0020 is a space); variation selectors 1 to 256 can carry bytes. */
function spelledOut(text: string, invisible: readonly Invisible[]): View[] {
  const tags = collect(text, invisible, 'unicode-tag', (codePoint) =>
    isTag(codePoint) ? codePoint - 0xe_00_00 : null,
  );
  const selectors = collect(text, invisible, 'variation-selector', (codePoint) => {
    if (!isVariationSelector(codePoint) || codePoint < 0xfe_00) return null;
    return codePoint < 0xe_01_00 ? codePoint - 0xfe_00 : codePoint - 0xe_01_00 + 16;
  });
  return [tags, selectors].filter((view) => view.text !== '');
}

function collect(
  text: string,
  invisible: readonly Invisible[],
  via: string,
  decode: (codePoint: number) => number | null,
): View {
  const characters: string[] = [];
  const places: { readonly start: number; readonly end: number }[] = [];
  for (const { start, end } of invisible) {
    for (let at = start; at < end;) {
      const codePoint = text.codePointAt(at) ?? 0;
      const next = at + (codePoint > 0xff_ff ? 2 : 1);
      const decoded = decode(codePoint);
      if (decoded !== null) {
        characters.push(String.fromCharCode(decoded));
        places.push({ start: at, end: next });
      }
      at = next;
    }
  }
  return {
    text: characters.join(''),
    seams: noSeams,
    toOriginal: (start, end) => ({
      start: places[start]?.start ?? 0,
      end: places[end - 1]?.end ?? text.length,
      via: [via],
    }),
  };
}
