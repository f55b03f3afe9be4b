/**
 * Secrets that are split over neighbouring strings: the strings are glued together in order, and what is found across a
 * seam is a hit in every string it touches. Of long strings only the ends are glued: a secret's reach is bounded.
 */
import type { DecodeBudget } from './decoding/budget.ts';
import { boundaryLimits } from './limits.ts';
import type { Hit } from './scan-text.ts';
import { scanJoined } from './scan-text.ts';
import type { LiteralScanner } from './scan/literal-scanner.ts';

/** A stretch of one string in the glued text. */
interface Piece {
  readonly index: number;
  readonly text: string;
  /** Where the piece starts in its string, and in the glued text. */
  readonly from: number;
  readonly start: number;
}

/** Hits by index of the string; places count within that string. */
export function findSplitSecrets(
  texts: readonly string[],
  scanner: LiteralScanner,
  decoding: DecodeBudget,
): ReadonlyMap<number, Hit[]> {
  const found = new Map<number, Hit[]>();
  for (const pieces of glue(texts)) {
    const seams = (from: number, to: number) => (pieces[pieceAt(pieces, to)]?.start ?? 0) >= from;
    const joined = pieces.map((piece) => piece.text).join('');
    for (const hit of scanJoined(joined, seams, scanner, decoding)) distribute(hit, pieces, found);
  }
  return found;
}

/** Groups of pieces that follow each other without a break; a break is the middle of a long string. */
function glue(texts: readonly string[]): Piece[][] {
  const { splitUnitsMax } = boundaryLimits;
  const groups: Piece[][] = [];
  let group: Piece[] = [];
  let length = 0;
  const add = (index: number, text: string, from: number) => {
    group.push({ index, text, from, start: length });
    length += text.length;
  };
  const close = () => {
    if (group.length > 1) groups.push(group);
    group = [];
    length = 0;
  };
  for (const [index, text] of texts.entries()) {
    if (text === '') continue;
    if (text.length <= 2 * splitUnitsMax) add(index, text, 0);
    else {
      add(index, text.slice(0, splitUnitsMax), 0);
      close();
      add(index, text.slice(-splitUnitsMax), text.length - splitUnitsMax);
    }
  }
  close();
  return groups;
}

function distribute(hit: Hit, pieces: readonly Piece[], found: Map<number, Hit[]>): void {
  const first = pieceAt(pieces, hit.start);
  const firstPiece = pieces[first];
  if (firstPiece === undefined || hit.end <= firstPiece.start + firstPiece.text.length) return;
  for (let at = first; at < pieces.length; at++) {
    const piece = pieces[at];
    if (piece === undefined || piece.start >= hit.end) break;
    const start = Math.max(hit.start - piece.start, 0) + piece.from;
    const end = Math.min(hit.end - piece.start, piece.text.length) + piece.from;
    const hits = found.get(piece.index);
    const part = { ...hit, start, end, isContinuation: at > first };
    if (hits === undefined) found.set(piece.index, [part]);
    else hits.push(part);
  }
}

/** Index of the piece that holds this offset of the glued text. */
function pieceAt(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.start ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
