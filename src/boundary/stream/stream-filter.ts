/**
 * A stream on its way out while its tool still runs. Text leaves at line ends, as soon as nothing that a detector may
 * find can reach over them; the rest is held back. Where it is cut depends on the text alone, so what leaves is the same
 * whatever pieces the stream comes in.
 * Hostile: every byte, and how the tool cuts them. What has left cannot be taken back: in doubt it is held or withheld.
 */
import type { BoundaryReport, Finding } from '../../model/finding.ts';
import { namedNumbers } from '../detectors.ts';
import type { FilterPass } from '../filter-pass.ts';
import { filterPart } from '../filter-pass.ts';
import { boundaryLimits, LimitExceeded } from '../limits.ts';
import { contextAtEnd } from '../pii/named-numbers.ts';
import { numberContextUnitsMax } from '../scan/number-text.ts';
import { hasRightToLeftLetter } from '../unicode/legitimate.ts';
import { seenAtEnd } from '../unicode/views.ts';
import type { LineEnds } from './line-ends.ts';

export interface StreamFilter {
  /** Takes the next bytes of the stream. The text that may leave now, filtered; often nothing. */
  push(chunk: Uint8Array): string;
  /** No more bytes will come. The rest of the text, and what was found in all of it. */
  end(): StreamEnd;
  /** Something was found that the profile blocks: nothing leaves any more, and the call should be ended. */
  readonly blocked: boolean;
  /** What was found so far, in what has left and in what was taken out of it. */
  readonly findings: readonly Finding[];
}

export interface StreamEnd {
  readonly text: string;
  /** Offsets count bytes of the stream, as `filterOutput` does. */
  readonly report: BoundaryReport;
  readonly blocked: boolean;
}

/** Finding of a stretch that is withheld, because more than `candidateUnitsMax` may belong to one secret. */
export const candidateTooLarge = 'candidate-too-large';

const withheld = `[WITHHELD:${candidateTooLarge}]\n`;

export interface StreamOptions {
  readonly name: 'stdout' | 'stderr';
  readonly pass: FilterPass;
  readonly lineEnds: LineEnds;
  readonly scanned: readonly string[];
  /** Some detector blocks: what stands before its hit has left by then, however the stream comes, so lines go one by one. */
  readonly mayBlock: boolean;
}

export function createStreamFilter({ name, pass, lineEnds, scanned, mayBlock }: StreamOptions): StreamFilter {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const { candidateUnitsMax } = boundaryLimits;
  /** Lines since the last cut, none while withholding; what has come of the next line. Only ever added to: that costs nothing. */
  let lines = '';
  let line = '';
  let isWithholding = false;
  let isBlocked = false;
  let before: Before | null = null;
  let bytesTaken = 0;
  let bytesCut = 0;

  const take = (text: string): string => {
    const released: string[] = [];
    for (let from = 0; from < text.length;) {
      if (isBlocked) break;
      const to = endOfPart(text, from);
      const part = text.slice(from, to);
      released.push((mayBlock ? null : takeLines(part)) ?? takeEachLine(part));
      from = to;
    }
    return released.join('');
  };

  /** All lines of a part at once, as most of them allow. null: there is no cut behind them; nothing is taken then. */
  const takeLines = (part: string): string | null => {
    const end = part.lastIndexOf('\n') + 1;
    const block = line + part.slice(0, end);
    const held = lines + block;
    if (isWithholding || part.indexOf('\n') === end - 1 || held.length > candidateUnitsMax) return null;
    if (directionMark.test(held)) return null;
    const goBack = lineEnds.mark();
    if (!lineEnds.isCut(block)) {
      goBack();
      return null;
    }
    lines = held;
    line = '';
    bytesTaken += Buffer.byteLength(part.slice(0, end));
    const released = release();
    return isBlocked ? released : released + takeEachLine(part.slice(end));
  };

  const takeEachLine = (part: string): string => {
    let released = '';
    for (const piece of part.split(/(?<=\n)/)) {
      if (isBlocked) break;
      bytesTaken += Buffer.byteLength(piece);
      line += piece;
      if (!isWithholding && lines.length + line.length > candidateUnitsMax) released += withhold();
      // Not with each piece: it is copied.
      if (isWithholding && line.length > 2 * candidateUnitsMax) line = line.slice(-candidateUnitsMax);
      if (piece.endsWith('\n')) released += endLine();
    }
    return released;
  };

  const endLine = (): string => {
    if (isWithholding) {
      line = line.slice(-candidateUnitsMax);
      before = behind([line, '']);
    }
    const isCut = lineEnds.isCut(line);
    if (!isWithholding) lines += line;
    line = '';
    return isCut ? release() : '';
  };

  /** All that is held. */
  const release = (): string => {
    const text = isWithholding ? '' : lines + line;
    const released = text === '' ? '' : filter(text);
    lines = '';
    line = '';
    isWithholding = false;
    bytesCut = bytesTaken;
    return released;
  };

  const withhold = (): string => {
    isWithholding = true;
    // It is gone, and the name of a number that comes after it is still a name.
    before = behind([lines, withheld]);
    lines = '';
    find(candidateTooLarge, 'redact');
    return withheld;
  };

  /** What stands before the next text, behind one that was like this in each round. */
  const behind = (texts: readonly string[]): Before => {
    const namesBefore = before?.names ?? [''];
    const inRound = (of: readonly string[], round: number) => of[round] ?? of.at(-1) ?? '';
    const rounds = Math.max(texts.length, namesBefore.length);
    const ends = Array.from(
      { length: rounds },
      (_, round) => inRound(namesBefore, round) + inRound(texts, round),
    );
    const names: string[] = [];
    for (const [round, end] of ends.entries())
      names.push(end === ends[round - 1] ? inRound(names, round) : nameAtEnd(end));
    const last = names.findLastIndex((name, round) => name !== names[round - 1]);
    return {
      isRightToLeft: before?.isRightToLeft === true || hasRightToLeftLetter(inRound(texts, 0)),
      names: names.slice(0, last + 1),
    };
  };

  const find = (detector: string, action: 'redact' | 'block') => {
    const where = () => `${name}@${bytesCut}`;
    pass.findings.add({
      detector,
      action,
      confidence: 'high',
      count: 1,
      via: [],
      place: () => name,
      where,
    });
  };

  const filter = (text: string): string => {
    const bytesAtStart = bytesCut;
    const place = {
      place: () => name,
      where: (offset: number) => `${name}@${bytesAtStart + bytesOf(text, offset)}`,
    };
    try {
      const texts = filterPart(text, textsBefore(before), place, pass);
      before = behind(texts);
      isBlocked = pass.findings.report(scanned).verdict === 'blocked';
      if (!isBlocked) return texts.at(-1) as string;
    } catch (error) {
      // Whatever went wrong, nothing leaves any more.
      find(error instanceof LimitExceeded ? error.detector : 'boundary-failure', 'block');
    }
    isBlocked = true;
    return '';
  };

  return {
    push: (chunk) => (isBlocked ? '' : take(decoder.decode(chunk, { stream: true }))),
    end() {
      let text = isBlocked ? '' : take(decoder.decode());
      if (!isBlocked) text += release();
      return { text, report: pass.findings.report(scanned), blocked: isBlocked };
    },
    get blocked() {
      return isBlocked;
    },
    get findings() {
      return pass.findings.report(scanned).findings;
    },
  };
}

/** Whether one may stay depends on the letters of what is filtered with it: that must not be more than line by line. */
const directionMark = /[\u061c\u200e\u200f]/;

/** What the filter must know of the text before; null where there is none. */
interface Before {
  readonly isRightToLeft: boolean;
  /** The end of it in each round, where a name stands in it that gives away a number that follows. */
  readonly names: readonly string[];
}

function textsBefore(before: Before | null): readonly string[] {
  if (before === null) return [''];
  return before.names.map((name) => `${before.isRightToLeft ? '\u05d0' : ''}\n${name}`);
}

/** From a name on that gives away a number that follows the text, or from the first of several; empty where there is none. */
function nameAtEnd(text: string): string {
  const read = endOfNames(text);
  // What nobody sees may stand between a name and the end, however much of it.
  const seen = endOfNames(seenAtEnd(text, numberContextUnitsMax));
  if (seen.named === read.named || seen.named === '') return read.text;
  const rest = read.text === '' ? '\n' : read.text;
  const seenRest = seenAtEnd(rest, numberContextUnitsMax);
  return seen.text.endsWith(seenRest)
    ? seen.text.slice(0, seen.text.length - seenRest.length) + unseen + rest
    : read.text;
}

/** Keeps a name as far off for who reads what cannot be seen, and no further for who does not. */
const unseen = `\u001b]${'x'.repeat(numberContextUnitsMax)}\u0007`;

/** The end from a space on that gives away as much as all of it: it is read again with each line, and lines may be short. */
function endOfNames(text: string): { readonly text: string; readonly named: string } {
  const end = contextAtEnd(text);
  const named = namedNumbers(end);
  if (named === '') return { text: '', named };
  for (let units = 16; units < end.length; units *= 2) {
    const space = end.slice(-units).search(/\s/);
    const shorter = space === -1 ? '' : end.slice(end.length - units + space);
    if (namedNumbers(shorter) === named) return { text: shorter, named };
  }
  return { text: end, named };
}

/** Parts are small enough to be taken at once; a character is in one of them. */
const partUnits = 16_384;

function endOfPart(text: string, from: number): number {
  const end = Math.min(from + partUnits, text.length);
  const isHighSurrogate = (text.charCodeAt(end - 1) & 0xfc_00) === 0xd8_00;
  return isHighSurrogate && end < text.length ? end + 1 : end;
}

function bytesOf(text: string, units: number): number {
  return Buffer.byteLength(text.slice(0, units));
}
