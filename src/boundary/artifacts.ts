/**
 * Artifacts on their way out. Text is filtered like a stream; in anything else secrets are looked for byte by byte, and
 * what holds one is withheld, because bytes of an unknown format cannot be cut out of it.
 */
import { isUtf8 } from 'node:buffer';
import type { BoundaryProfile } from '../model/finding.ts';
import type { FilterPass } from './filter-pass.ts';
import { filterText, report, spend } from './filter-pass.ts';
import { filterJson } from './filter-json.ts';
import type { Pointer } from './pointer.ts';
import { distinct, inOrder, isRedacting } from './redaction.ts';
import { scanBytes } from './scan-text.ts';

export interface OutputArtifact {
  readonly name: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** Finding of an artifact that the profile does not let out. */
const artifactNotAllowed = 'artifact-not-allowed';

/** null: withheld, and named in the findings. */
export function filterArtifact(
  artifact: OutputArtifact,
  rule: BoundaryProfile['artifacts'],
  pointer: Pointer,
  pass: FilterPass,
): OutputArtifact | null {
  const { name, mediaType, data } = artifact;
  const place = () => pointer.toString();
  if (rule === 'none' || (rule === 'images' && !isImage(data))) {
    pass.findings.add({
      detector: artifactNotAllowed,
      action: 'redact',
      confidence: 'high',
      count: 1,
      via: [],
      place,
      where: place,
    });
    return null;
  }
  const filtered = filterData(data, place, pass);
  if (filtered === null) return null;
  return {
    name: asText(filterJson(name, pointer.child('name'), pass)),
    mediaType: asText(filterJson(mediaType, pointer.child('mediaType'), pass)),
    data: filtered,
  };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function filterData(data: Uint8Array, place: () => string, pass: FilterPass): Uint8Array | null {
  if (!isText(data)) return holdsSecret(data, place, pass) ? null : data;
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(data);
  const filtered = filterText(text, streamPlace(place(), text), pass);
  return filtered === text ? data : new TextEncoder().encode(filtered);
}

function isText(data: Uint8Array): boolean {
  return isUtf8(data) && !data.includes(0) && !isImage(data);
}

function holdsSecret(data: Uint8Array, place: () => string, pass: FilterPass): boolean {
  spend(pass, data.length);
  const found = scanBytes(data, pass.scanner, pass.decoding).filter((hit) => !pass.isHarmless(hit));
  const hits = distinct(inOrder(found, pass.actionOf), pass.actionOf);
  report(hits, { place, where: (offset) => `${place()}@${offset}` }, pass);
  return hits.some((hit) => isRedacting(pass.actionOf(hit.detector)));
}

/** Magic bytes of PNG, JPEG, GIF and WebP; the media type is the tool's claim and says nothing. */
function isImage(data: Uint8Array): boolean {
  const head = Buffer.from(data.subarray(0, 12)).toString('latin1');
  const isWebP = head.startsWith('RIFF') && head.startsWith('WEBP', 8);
  return (
    isWebP ||
    ['\u0089PNG\r\n\u001a\n', '\u00ff\u00d8\u00ff', 'GIF87a', 'GIF89a'].some((magic) =>
      head.startsWith(magic),
    )
  );
}

/** Names byte offsets in the UTF-8 text: those of the stream as it came, unless it was broken and each break became U+FFFD. */
export function streamPlace(place: string, text: string) {
  return {
    place: () => place,
    where: (offset: number) => `${place}@${Buffer.byteLength(text.slice(0, offset))}`,
  };
}
