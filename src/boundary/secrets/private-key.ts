import type { LiteralDetector, Span } from '../detector.ts';
import { secretDefaults } from '../detector.ts';

const begin = '-----BEGIN ';
const footer = '-----END ';
const dashes = '-----';
const pemType = /(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/y;
/** A body longer than this is not searched for its END: RSA keys of 16,384 bits take 13 KB. */
const bodyUnitsMax = 65_536;
/** A line of base64 in a key is longer than this, but for the last. Shorter words may be prose. */
const lineUnitsMin = 32;
/** Between two lines: line breaks, quotes, line numbers, diff marks. */
const gapUnitsMax = 24;
/** RFC 1421 header lines (`Proc-Type`, `DEK-Info`) and PGP's (`Version`, `Comment`). */
const headerLinesMax = 6;

export const privateKeyDetectors: readonly LiteralDetector[] = [
  {
    ...secretDefaults,
    id: 'private-key',
    title: 'Private key in PEM or PGP armour, also cut off',
    source: 'RFC 7468, RFC 1421, RFC 9580 §6.2, OpenSSH PROTOCOL.key',
    literals: [begin, footer],
    format: { kind: 'span', find: findPrivateKey, isOpen: isUnfinishedKey },
    examples: {
      hit: [
        `-----BEGIN RSA ${'PRIVATE'} KEY-----\nMIIEpAIBAAKCAQEA7bq2v3\n-----END RSA PRIVATE KEY-----`,
        `-----BEGIN ${'PRIVATE'} KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEF\\n-----END PRIVATE KEY-----\\n`,
        `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW`,
        `MIIEpAIBAAKCAQEA7bq2v3MIIEpAIBAAKCAQEA7bq2v3\n7bq2v3==\n-----END RSA ${'PRIVATE'} KEY-----`,
        `-----BEGIN PGP ${'PRIVATE'} KEY BLOCK-----\nVersion: 1\n\nlQOYBF1k2qEBCADE\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----`,
      ],
      miss: [
        '-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEbGVhZjANBgkq\n-----END CERTIFICATE-----',
        '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----',
        "'-----BEGIN PRIVATE KEY-----' + encodePrivateKeyBody(key) + '-----END PRIVATE KEY-----'",
        "'-----BEGIN PRIVATE KEY-----\\n' + body + '\\n-----END PRIVATE KEY-----'",
        'A key starts with -----BEGIN PRIVATE KEY----- and holds base64.',
        '-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----',
        'It ends with -----END PRIVATE KEY-----',
      ],
    },
  },
];

function findPrivateKey(text: string, at: number): Span | null {
  if (text.startsWith(footer, at)) return headlessKey(text, at);
  pemType.lastIndex = at + begin.length;
  if (!pemType.test(text)) return null;
  const bodyStart = pemType.lastIndex;
  const next = indexOfWithin(text, dashes, bodyStart);
  const end = next === -1 ? -1 : endOfFooter(text, next);
  if (end === -1) return cutOffKey(text, at, bodyStart, next === -1 ? bodyStart + bodyUnitsMax : next);
  return hasKeyMaterial(text.slice(bodyStart, next)) ? { start: at, end, confidence: 'high' } : null;
}

/** A BEGIN that no further dashes follow, as far as its END is searched for. */
function isUnfinishedKey(text: string, at: number): boolean {
  pemType.lastIndex = at + begin.length;
  if (!text.startsWith(begin, at) || !pemType.test(text)) return false;
  const bodyStart = pemType.lastIndex;
  return text.length - bodyStart <= bodyUnitsMax && text.indexOf(dashes, bodyStart) === -1;
}

/** The last lines of a text that the END of a key whose BEGIN was cut off would reach back to. */
const keyTail =
  /[A-Za-z0-9+/=]{32}(?:\\[nrt]|[^A-Za-z0-9+/=]){0,24}(?:[A-Za-z0-9+/=]{1,32}(?:\\[nrt]|[^A-Za-z0-9+/=]){0,24})?$/;
/** As much as `endsLikeKeyBody` reads. */
export const keyTailUnitsMax = 2 * lineUnitsMin + 4 * gapUnitsMax;

export function endsLikeKeyBody(text: string): boolean {
  return keyTail.test(text.slice(-keyTailUnitsMax));
}

/** Past the END line that starts at `at`; -1 when something else stands there, such as the next BEGIN. */
function endOfFooter(text: string, at: number): number {
  if (!text.startsWith(footer, at)) return -1;
  pemType.lastIndex = at + footer.length;
  return pemType.test(text) ? pemType.lastIndex : -1;
}

/** A word of base64 with a digit in it; placeholders and the code between two string literals have none. */
function hasKeyMaterial(body: string): boolean {
  const words = body.match(/[A-Za-z0-9+/=]{16,}/g) ?? [];
  return words.some((word) => /[0-9]/.test(word));
}

/** Without its END, a key reaches as far as its lines do before `until`, and one shorter line further. */
function cutOffKey(text: string, start: number, bodyStart: number, until: number): Span | null {
  let end = skipHeaderLines(text, bodyStart);
  let lines = 0;
  for (;;) {
    const word = wordAfterGap(text, end);
    if (word === null || word.start >= until) break;
    const isShort = word.end - word.start < lineUnitsMin;
    if (isShort && lines === 0) break;
    lines++;
    end = Math.min(word.end, until);
    if (isShort) break;
  }
  return lines === 0 ? null : { start, end, confidence: 'high' };
}

/** An END whose BEGIN was cut off: the lines before it. */
function headlessKey(text: string, at: number): Span | null {
  const end = endOfFooter(text, at);
  if (end === -1) return null;
  let start = at;
  let hasLongLine = false;
  for (let line = 0; at - start < bodyUnitsMax; line++) {
    const word = wordBeforeGap(text, start);
    const isShort = word === null || word.end - word.start < lineUnitsMin;
    if (word === null || (isShort && line > 0)) break;
    hasLongLine ||= !isShort;
    start = word.start;
  }
  return hasLongLine ? { start, end, confidence: 'high' } : null;
}

function skipHeaderLines(text: string, from: number): number {
  const header = /(?:\s|\\n|\\r){0,4}[A-Za-z][A-Za-z-]{1,30}: [^\n\\]{0,200}(?:\\r|\r)?(?:\n|\\n)/y;
  header.lastIndex = from;
  let end = from;
  for (let line = 0; line < headerLinesMax && header.test(text); line++) end = header.lastIndex;
  return end;
}

/** The next run of base64 characters, past line breaks (also written `\n`), quotes and marks that hold no letters. */
function wordAfterGap(text: string, from: number): { readonly start: number; readonly end: number } | null {
  const gap = /(?:\\[nrt]|[^A-Za-z0-9+/=]){0,24}/y;
  gap.lastIndex = from;
  if (!gap.test(text)) return null;
  const start = gap.lastIndex;
  let end = start;
  while (end < text.length && end - start <= bodyUnitsMax && isBase64(text.charCodeAt(end))) end++;
  return end === start || start - from > gapUnitsMax * 2 ? null : { start, end };
}

/** The mirror image of `wordAfterGap`. */
function wordBeforeGap(text: string, from: number): { readonly start: number; readonly end: number } | null {
  let end = from;
  while (end > 0 && from - end < gapUnitsMax) {
    const isEscape = /[nrt]/.test(text.charAt(end - 1)) && text.charAt(end - 2) === '\\';
    if (isEscape) end -= 2;
    else if (!isBase64(text.charCodeAt(end - 1))) end--;
    else break;
  }
  let start = end;
  while (start > 0 && end - start <= bodyUnitsMax && isBase64(text.charCodeAt(start - 1))) start--;
  return start === end ? null : { start, end };
}

function isBase64(unit: number): boolean {
  const isDigit = unit >= 0x30 && unit <= 0x39;
  const isLetter = (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
  return isDigit || isLetter || unit === 0x2b || unit === 0x2f || unit === 0x3d;
}

function indexOfWithin(text: string, literal: string, from: number): number {
  const found = text.slice(from, from + bodyUnitsMax).indexOf(literal);
  return found === -1 ? -1 : from + found;
}
