/** All stages over one text. A new stage adds its hits here. */
import { mergeInjection } from './content/injection.ts';
import type { DecodeBudget } from './decoding/budget.ts';
import { decodeBytes, decodeViews } from './decoding/decoded-views.ts';
import type { Confidence } from './detector.ts';
import { textDetectors } from './detectors.ts';
import type { LiteralHit, LiteralScanner, Seams } from './literal-scanner.ts';
import { noSeams } from './literal-scanner.ts';
import { findInvisible } from './unicode/invisible.ts';
import { undecodedEntry } from './undecoded.ts';
import { viewsOf, viewsOfText } from './unicode/views.ts';
import type { Origin, View } from './view.ts';
import { plainView } from './view.ts';

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
  const invisible = findInvisible(text);
  const hits: Hit[] = [];
  for (const { kind, start, end } of invisible) {
    if (kind !== null)
      hits.push({ detector: kind, start, end, confidence: 'high', via: [], replacement: null });
  }
  for (const view of viewsOf(text, invisible, noSeams)) scanDeeply(view, scanner, budget, hits);
  return hits;
}

function scanDeeply(view: View, scanner: LiteralScanner, budget: DecodeBudget, hits: Hit[]): void {
  scanView(view, scanner, hits);
  const { views, unread } = decodeViews(view, budget);
  for (const decoded of views) scanView(decoded, scanner, hits);
  addUnread(unread, view.text, hits);
}

function scanView(view: View, scanner: LiteralScanner, hits: Hit[]): void {
  for (const hit of mergeInjection(scanner.scan(view.text, view.seams))) addHit(hit, view, hits);
  for (const { id, find } of textDetectors) {
    for (const { start, end, confidence, label = id, secret = '' } of find(view.text))
      addHit({ detector: id, start, end, confidence, label, secret, via: [] }, view, hits);
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
  for (const view of viewsOfText(text, seams)) {
    for (const each of [view, ...decodeViews(view, budget).views])
      for (const hit of scanner.scanSecrets(each.text, each.seams)) addHit(hit, each, hits);
  }
  return hits;
}

/** Secrets that show only beside a key or neighbouring string. Places count from the start of `value`. */
export function scanInContext(context: string, value: string, scanner: LiteralScanner): Hit[] {
  const prefix = `${context}: `;
  const hits: Hit[] = [];
  for (const view of viewsOfText(prefix + value, noSeams))
    for (const hit of scanner.scanInContext(view.text)) addHit(hit, view, hits);
  return hits
    .filter((hit) => hit.start >= prefix.length)
    .map((hit) => ({ ...hit, start: hit.start - prefix.length, end: hit.end - prefix.length }));
}

/** Secrets only, in bytes that are no text. Places count bytes. */
export function scanBytes(data: Uint8Array, scanner: LiteralScanner, budget: DecodeBudget): Hit[] {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  const plain = plainView(text, noSeams);
  const { views, unread } = decodeBytes(plain, budget);
  const hits: Hit[] = [];
  for (const view of [plain, ...views])
    for (const hit of scanner.scanSecrets(view.text, noSeams)) addHit(hit, view, hits);
  addUnread(unread, text, hits);
  return hits;
}

function addHit(hit: LiteralHit, view: View, hits: Hit[]): void {
  const origin = view.toOriginal(hit.start, hit.end);
  if (origin === null) return;
  hits.push({
    detector: hit.detector,
    start: origin.start,
    end: origin.end,
    confidence: hit.confidence,
    via: hit.via.length === 0 ? origin.via : [...origin.via, ...hit.via],
    replacement: { label: hit.label, secret: hit.secret },
  });
}
