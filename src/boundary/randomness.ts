import type { Confidence } from './detector.ts';

/** Shannon entropy of the characters, bits each. Reads the text once. */
export function entropyBits(text: string): number {
  const counts = zeros.slice();
  /** In the order in which they first occur. */
  const seen: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= asciiUnits) return entropyOf(text);
    const count = counts[unit] as number;
    if (count === 0) seen.push(unit);
    counts[unit] = count + 1;
  }
  let bits = 0;
  for (const unit of seen) {
    const share = (counts[unit] as number) / text.length;
    bits -= share * Math.log2(share);
  }
  return bits;
}

const asciiUnits = 128;
const zeros: readonly number[] = Array.from({ length: asciiUnits }, () => 0);

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
