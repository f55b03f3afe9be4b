import type { Confidence } from './detector.ts';

/** Shannon entropy of the characters, bits each. Reads the text once. */
export function entropyBits(text: string): number {
  const { length } = text;
  if (length > countsMax) return entropyOf(text);
  let isAscii = true;
  let kinds = 0;
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= asciiUnits) {
      isAscii = false;
      break;
    }
    // Tables of all units and of all counts: the index is always inside them.
    const count = counts[unit] as number;
    if (count === 0) seen[kinds++] = unit;
    counts[unit] = count + 1;
  }
  let sum = 0;
  for (let kind = 0; kind < kinds; kind++) {
    const unit = seen[kind] as number;
    sum += countTimesLog[counts[unit] as number] as number;
    counts[unit] = 0;
  }
  if (!isAscii) return entropyOf(text);
  return length === 0 ? 0 : Math.log2(length) - sum / length;
}

const asciiUnits = 128;
const countsMax = 512;
/** Of the text that is read, all zero between two of them. */
const counts = new Uint16Array(asciiUnits);
const seen = new Uint8Array(asciiUnits);
/** `count * log2(count)`. */
const countTimesLog = Float64Array.from({ length: countsMax + 1 }, (_, count) =>
  count === 0 ? 0 : count * Math.log2(count),
);

/** The same for every text, slower. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** A check for formats that are distinctive by themselves: only fillers such as `xxxx…` and `0000…` are refused. */
export function notFiller(secret: string): Confidence | null {
  return entropyBits(secret) >= 2.5 ? 'high' : null;
}

/** A check for tokens that only their context gives away: letters and digits, well mixed; not a word, not a template. */
export function looksRandom(secret: string): Confidence | null {
  const mixed = /[A-Za-z]/.test(secret) && /[0-9]/.test(secret);
  return mixed && entropyBits(secret) >= 3 ? 'medium' : null;
}

/** A check for tokens with a prefix of their own, whose alphabet has `-` and `_`: words joined with these have neither digits nor mixed case. */
export function notWords(secret: string): Confidence | null {
  const mixed = /[0-9]/.test(secret) || (/[A-Z]/.test(secret) && /[a-z].*[A-Z]/.test(secret));
  return mixed && entropyBits(secret) >= 3 ? 'high' : null;
}
