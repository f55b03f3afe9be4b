/** All stages over one text. A new stage adds its hits here. */
import { mergeInjection } from './content/injection.ts';
import type { DecodeBudget } from './decoding/budget.ts';
import { decodeBytes, decodeViews } from './decoding/decoded-views.ts';
import type { Confidence } from './detector.ts';
import { namesNumber, numberDetectors } from './detectors.ts';
import { mayBeNamed } from './pii/named-numbers.ts';
import type { LiteralHit, LiteralScanner, Survey } from './scan/literal-scanner.ts';
import type { Seams } from './scan/seams.ts';
import { noSeams } from './scan/seams.ts';
import { nearbyIn } from './scan/nearby.ts';
import { findNumberRuns } from './scan/number-runs.ts';
import { numberContextUnitsMax, readNumber } from './scan/number-text.ts';
import { findInvisible } from './unicode/invisible.ts';
import { undecodedEntry } from './undecoded.ts';
import { viewsBeside } from './unicode/views.ts';
import type { Origin, SurveyedView, View } from './view.ts';
import { plainView, surveyed } from './view.ts';

/** A stretch of a text that a detector found, in UTF-16 units of that text. */
export interface Hit {
  readonly detector: string;
  readonly start: number;
  readonly end: number;
  readonly confidence: Confidence;
  readonly via: readonly string[];
  /** What takes its place: a placeholder for this secret under this name, or nothing. */
  readonly replacement: { readonly label: string; readonly secret: string } | null;
  /** A further part of a secret that began in an earlier string, and was counted there. */
  readonly isContinuation?: boolean;
}

/** Looks for everything, as it stands and decoded. */
export function scanText(text: string, scanner: LiteralScanner, budget: DecodeBudget): Hit[] {
  return scanWhole(text, scanner, budget).hits;
}

interface WholeScan {
  readonly hits: Hit[];
  /** Also where it does its work. */
  readonly hasInvisible: boolean;
  /** Whether a mark of direction may stay depends on letters anywhere in the text. */
  readonly hasDirectionMarks: boolean;
}

const notEncoded: readonly string[] = [];
const directionMarks: ReadonlySet<number> = new Set([0x06_1c, 0x20_0e, 0x20_0f]);

/** The same, and what of the text matters for how it is read. */
export function scanWhole(text: string, scanner: LiteralScanner, budget: DecodeBudget): WholeScan {
  const survey = scanner.survey(text);
  const hits: Hit[] = [];
  const invisible = findInvisible(text, survey.hidden);
  for (const { kind, start, end } of invisible) {
    if (kind !== null)
      hits.push({ detector: kind, start, end, confidence: 'high', via: notEncoded, replacement: null });
  }
  scanDeeply(plainView(text, noSeams), survey, scanner, budget, hits);
  for (const view of viewsBeside(text, invisible, noSeams))
    scanDeeply(view, scanner.survey(view.text), scanner, budget, hits);
  const hasDirectionMarks = survey.hidden.some((at) => directionMarks.has(text.charCodeAt(at)));
  return { hits, hasInvisible: invisible.length > 0, hasDirectionMarks };
}

function scanDeeply(
  view: View,
  survey: Survey,
  scanner: LiteralScanner,
  budget: DecodeBudget,
  hits: Hit[],
): void {
  scanView(view, survey, scanner, hits);
  const { views, unread } = decodeViews(view, survey.codes, budget, scanner);
  for (const decoded of views) scanView(decoded, decoded.survey, scanner, hits);
  addUnread(unread, view.text, hits);
}

function scanView(view: View, survey: Survey, scanner: LiteralScanner, hits: Hit[]): void {
  for (const hit of mergeInjection(scanner.scan(survey, view.seams))) addHit(hit, view, hits);
  scanNumbers(view, survey, hits);
}

function scanNumbers(view: View, survey: Survey, hits: Hit[]): void {
  const nearby = nearbyIn(survey, numberContextUnitsMax);
  for (const run of findNumberRuns(survey.codes)) {
    const read = readNumber(survey, run, nearby);
    for (const { id, find } of numberDetectors) {
      for (const { start, end, confidence, label = id, secret = '' } of find(read)) {
        const origin = view.toOriginal(read.from + start, read.from + end);
        if (origin !== null) hits.push(hitAt(origin, id, confidence, { label, secret }));
      }
    }
  }
}

function addUnread(unread: readonly Origin[], text: string, hits: Hit[]): void {
  for (const { start, end, via } of unread) {
    const replacement = { label: undecodedEntry.id, secret: text.slice(start, end) };
    hits.push({ detector: undecodedEntry.id, start, end, confidence: 'high', via, replacement });
  }
}

/** Secrets only, in a text that was glued together at `seams` from parts that are scanned by themselves as well. */
export function scanJoined(text: string, seams: Seams, scanner: LiteralScanner, budget: DecodeBudget): Hit[] {
  const hits: Hit[] = [];
  for (const view of viewsOf(text, seams, scanner)) {
    for (const each of [view, ...decodeViews(view, view.survey.codes, budget, scanner).views])
      for (const hit of scanner.scanSecrets(each.survey, each.seams)) addHit(hit, each, hits);
  }
  return hits;
}

/** The text as it stands, and what its invisible characters hide. */
function viewsOf(text: string, seams: Seams, scanner: LiteralScanner): SurveyedView[] {
  const plain = surveyed(plainView(text, seams), scanner);
  const beside = viewsBeside(text, findInvisible(text, plain.survey.hidden), seams);
  return [plain, ...beside.map((view) => surveyed(view, scanner))];
}

/** Secrets that show only beside a key or neighbouring string. Places count from the start of `value`. */
export function scanInContext(context: string, value: string, scanner: LiteralScanner): Hit[] {
  const prefix = `${context}: `;
  const hits: Hit[] = [];
  for (const view of viewsOf(prefix + value, noSeams, scanner))
    for (const hit of scanner.scanInContext(view.survey)) addHit(hit, view, hits);
  return hits
    .filter((hit) => hit.start >= prefix.length)
    .map((hit) => ({ ...hit, start: hit.start - prefix.length, end: hit.end - prefix.length }));
}

/** Whether a key or neighbouring string may be what gives a number away, and the value is a number and nothing else. */
export function isNumberContext(context: string, value: string): boolean {
  return mayBeNamed(value) && namesNumber(context.slice(-numberContextUnitsMax));
}

/** Numbers that only a key or neighbouring string gives away. Places count from the start of `value`. */
export function scanNumbersInContext(context: string, value: string, scanner: LiteralScanner): Hit[] {
  const prefix = `${context.slice(-numberContextUnitsMax)}: `;
  const hits: Hit[] = [];
  const view = surveyed(plainView(prefix + value, noSeams), scanner);
  scanNumbers(view, view.survey, hits);
  return hits
    .filter((hit) => hit.start >= prefix.length)
    .map((hit) => ({ ...hit, start: hit.start - prefix.length, end: hit.end - prefix.length }));
}

/** Secrets only, in bytes that are no text. Places count bytes. */
export function scanBytes(data: Uint8Array, scanner: LiteralScanner, budget: DecodeBudget): Hit[] {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  const plain = surveyed(plainView(text, noSeams), scanner);
  const { views, unread } = decodeBytes(plain, plain.survey.codes, budget, scanner);
  const hits: Hit[] = [];
  for (const view of [plain, ...views])
    for (const hit of scanner.scanSecrets(view.survey, noSeams)) addHit(hit, view, hits);
  addUnread(unread, text, hits);
  return hits;
}

function addHit(hit: LiteralHit, view: View, hits: Hit[]): void {
  const found = view.toOriginal(hit.start, hit.end);
  if (found === null) return;
  const origin = hit.via.length === 0 ? found : { ...found, via: [...found.via, ...hit.via] };
  hits.push(hitAt(origin, hit.detector, hit.confidence, { label: hit.label, secret: hit.secret }));
}

function hitAt(
  { start, end, via }: Origin,
  detector: string,
  confidence: Confidence,
  replacement: Hit['replacement'],
): Hit {
  return { detector, start, end, confidence, via, replacement };
}
