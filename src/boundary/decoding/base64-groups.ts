/**
 * Which stretches of base64 say something readable. Most of what is made of base64's digits is none, so all four ways to cut
 * digits into groups are looked at together, by a table over two digits at a time.
 */

/** Readable groups of four digits in a row that make a stretch worth decoding. */
export const base64GroupsMin = 3;

/** Value of a base64 or base64url digit by code; -1 for everything else. RFC 4648 §4, §5. */
export const base64Value = new Int8Array(256).fill(-1);
for (const [value, digit] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  base64Value[digit.charCodeAt(0)] = value;
}
base64Value['-'.charCodeAt(0)] = 62;
base64Value['_'.charCodeAt(0)] = 63;

/** Printable ASCII, white space, and the NUL between the characters of UTF-16. */
export function isReadable(byte: number): boolean {
  return (byte >= 0x20 && byte <= 0x7e) || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0;
}

/**
 * By two digits side by side, whether the byte that both make is readable: where they are the first two of a group
 * (bit 0), the second and third (bit 1), the last two (bit 2).
 */
const readablePairs = new Uint8Array(65_536);
for (const [first, high] of base64Value.entries()) {
  for (const [second, low] of base64Value.entries()) {
    if (high < 0 || low < 0) continue;
    const bytes = [(high << 2) | (low >> 4), ((high & 15) << 4) | (low >> 2), ((high & 3) << 6) | low];
    readablePairs[first | (second << 8)] = bytes.reduce(
      (bits, byte, at) => bits | (isReadable(byte) ? 1 << at : 0),
      0,
    );
  }
}

const allCuts = 0b1111;

/**
 * Digits can be cut into groups of four in four ways. Answers in which of them enough readable groups stand in a row: bit
 * `n` for groups from `start + n` on. Of such a row one group is the third, the sixth, and so on: of all four cuts these
 * stand beside each other, and are read together, without a branch.
 */
export function readableCuts(codes: Buffer, start: number, end: number): number {
  let cuts = 0;
  let at = start + 4 * (base64GroupsMin - 1);
  for (; at + 7 <= end && cuts !== allCuts; at += 4 * base64GroupsMin) {
    const second = codes[at + 1] as number;
    const third = codes[at + 2] as number;
    const fourth = codes[at + 3] as number;
    const fifth = codes[at + 4] as number;
    const sixth = codes[at + 5] as number;
    const pair0 = readablePairs[(codes[at] as number) | (second << 8)] as number;
    const pair1 = readablePairs[second | (third << 8)] as number;
    const pair2 = readablePairs[third | (fourth << 8)] as number;
    const pair3 = readablePairs[fourth | (fifth << 8)] as number;
    const pair4 = readablePairs[fifth | (sixth << 8)] as number;
    const pair5 = readablePairs[sixth | ((codes[at + 6] as number) << 8)] as number;
    const readable =
      (pair0 & (pair1 >> 1) & (pair2 >> 2)) |
      ((pair1 & (pair2 >> 1) & (pair3 >> 2)) << 1) |
      ((pair2 & (pair3 >> 1) & (pair4 >> 2)) << 2) |
      ((pair3 & (pair4 >> 1) & (pair5 >> 2)) << 3);
    if ((readable & ~cuts) === 0) continue;
    for (let cut = 0; cut < 4; cut++)
      if (((readable >> cut) & 1) === 1 && isInRow(codes, start + cut, end, at + cut)) cuts |= 1 << cut;
  }
  for (let cut = 0; at + cut + 4 <= end && cut < 4; cut++)
    if (isInRow(codes, start + cut, end, at + cut)) cuts |= 1 << cut;
  return cuts;
}

/** Whether enough readable groups stand in a row around the one at `at`, of those from `from` on. */
function isInRow(codes: Buffer, from: number, end: number, at: number): boolean {
  if (!isReadableGroup(codes, at)) return false;
  let first = at;
  while (first - 4 >= from && first > at - 8 && isReadableGroup(codes, first - 4)) first -= 4;
  let next = at + 4;
  while (next + 4 <= end && next < at + 12 && isReadableGroup(codes, next)) next += 4;
  return next - first >= 4 * base64GroupsMin;
}

/** Three readable bytes, and not three NULs: in UTF-16 every other character is something else. */
export function isReadableGroup(digits: Buffer, at: number): boolean {
  const second = digits[at + 1] as number;
  const third = digits[at + 2] as number;
  const first2 = (digits[at] as number) | (second << 8);
  const last2 = third | ((digits[at + 3] as number) << 8);
  return (
    ((readablePairs[first2] as number) &
      ((readablePairs[second | (third << 8)] as number) >> 1) &
      ((readablePairs[last2] as number) >> 2) &
      1) ===
      1 &&
    (first2 !== twoZeros || last2 !== twoZeros)
  );
}

/** `AA`: twelve bits that are zero. */
const twoZeros = 0x41_41;
