/** All stages over one text. A new stage adds its hits here. */
import type { Confidence } from './detector.ts';
import type { SecretHit, SecretScanner, Seams } from './secret-scanner.ts';
import { noSeams } from './secret-scanner.ts';
import { findInvisible } from './unicode/invisible.ts';
import { viewsOf, viewsOfText } from './unicode/views.ts';

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

export function scanText(text: string, scanner: SecretScanner): Hit[] {
  const invisible = findInvisible(text);
  const hits: Hit[] = [];
  for (const { kind, start, end } of invisible) {
    if (kind !== null)
      hits.push({ detector: kind, start, end, confidence: 'high', via: [], replacement: null });
  }
  for (const view of viewsOf(text, invisible, noSeams)) {
    for (const hit of scanner.scan(view.text, noSeams))
      hits.push(secretAt(hit, view.toOriginal(hit.start, hit.end), view.via));
  }
  return hits;
}

/** Secrets only, in a text that was glued together at `seams` from parts that are scanned by themselves as well. */
export function scanJoined(text: string, seams: Seams, scanner: SecretScanner): Hit[] {
  return viewsOfText(text, seams).flatMap((view) =>
    scanner
      .scan(view.text, view.seams)
      .map((hit) => secretAt(hit, view.toOriginal(hit.start, hit.end), view.via)),
  );
}

/** Secrets that show only beside a key or neighbouring string. Places count from the start of `value`. */
export function scanInContext(context: string, value: string, scanner: SecretScanner): Hit[] {
  const prefix = `${context}: `;
  return viewsOfText(prefix + value, noSeams).flatMap((view) =>
    scanner
      .scanInContext(view.text)
      .map((hit) => secretAt(hit, view.toOriginal(hit.start, hit.end), view.via))
      .filter((hit) => hit.start >= prefix.length)
      .map((hit) => ({ ...hit, start: hit.start - prefix.length, end: hit.end - prefix.length })),
  );
}

function secretAt(
  hit: SecretHit,
  place: { readonly start: number; readonly end: number },
  via: readonly string[],
): Hit {
  return {
    detector: hit.detector,
    ...place,
    confidence: hit.confidence,
    via: via.length === 0 ? hit.via : [...via, ...hit.via],
    replacement: { label: hit.label, secret: hit.secret },
  };
}

/** Secrets only, in bytes that are no text. Places count bytes. */
export function scanBytes(data: Uint8Array, scanner: SecretScanner): Hit[] {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  return scanner.scan(text, noSeams).map((hit) => secretAt(hit, hit, []));
}
