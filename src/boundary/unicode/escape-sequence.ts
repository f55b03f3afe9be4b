/**
 * The grammar of terminal escape sequences (ECMA-48, ECMA-35). No part of a sequence can be a control character, so a
 * sequence never reaches past the next one and a text is read once, whatever it holds.
 */
const escape = 0x1b;
const sequenceUnitsMax = 4096;

/** What follows ESC, or the C1 control that stands for both, opens one of two kinds. */
const commandStringAfterEscape = 'P]X^_';
const commandStringsC1: ReadonlySet<number> = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f]);
const csiC1 = 0x9b;

/** Length of the sequence that starts at `at`; 0 when none does: a control character by itself. */
export function escapeSequenceLength(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first !== escape) {
    if (first === csiC1) return csiEnd(text, at + 1) - at;
    return commandStringsC1.has(first) ? commandStringEnd(text, at + 1) - at : 0;
  }
  if (at + 1 >= text.length) return 0;
  const second = text.charAt(at + 1);
  if (second === '[') return csiEnd(text, at + 2) - at;
  if (commandStringAfterEscape.includes(second)) return commandStringEnd(text, at + 2) - at;
  return shortSequenceEnd(text, at + 1) - at;
}

/** Parameters 30..3F, intermediates 20..2F, a final 40..7E. Broken: what belongs to it goes, the rest stays. */
function csiEnd(text: string, from: number): number {
  let end = skip(text, from, 0x30, 0x3f);
  end = skip(text, end, 0x20, 0x2f);
  return isBetween(text.charCodeAt(end), 0x40, 0x7e) ? end + 1 : end;
}

/** Text up to BEL or ST. Without either, only the opening goes: what follows is ordinary text then. */
function commandStringEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && end - from < sequenceUnitsMax && !isControl(text.charCodeAt(end))) end++;
  const terminator = text.charCodeAt(end);
  if (terminator === 0x07 || terminator === 0x9c) return end + 1;
  return terminator === escape && text.charAt(end + 1) === '\\' ? end + 2 : from;
}

/** Intermediates 20..2F and one final 30..7E: character sets, keypad modes, reset. A bare ESC otherwise. */
function shortSequenceEnd(text: string, from: number): number {
  const end = skip(text, from, 0x20, 0x2f);
  return isBetween(text.charCodeAt(end), 0x30, 0x7e) ? end + 1 : from;
}

function skip(text: string, from: number, low: number, high: number): number {
  let end = from;
  while (end - from < sequenceUnitsMax && isBetween(text.charCodeAt(end), low, high)) end++;
  return end;
}

/** False past the end of a text, where the unit is NaN. */
function isBetween(unit: number, low: number, high: number): boolean {
  return unit >= low && unit <= high;
}

function isControl(unit: number): boolean {
  return unit < 0x20 || isBetween(unit, 0x7f, 0x9f);
}
