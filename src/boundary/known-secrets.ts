/**
 * Secrets that this deployment knows itself, found in every form in which they commonly leave: plain, base64 and
 * base64url at each of the three alignments, hex (also with blanks, colons or hyphens), percent-encoded, JSON-escaped once
 * or twice, in UTF-16 or Latin-1 that was taken for UTF-8, and reversed.
 */
import type { LiteralDetector, Span } from './detector.ts';
import { secretDefaults } from './detector.ts';

export interface KnownSecret {
  /** Names the placeholder: `[REDACTED:bootstrap-key:ab12]`. Lower-case letters, digits and `-`, at most 40. */
  readonly id: string;
  /** At least 8 characters: a shorter one would be found in ordinary text. */
  readonly secret: string;
  /** A tripwire that nobody has a reason to hold: where it is seen, the call is blocked, whatever profiles say. */
  readonly isDecoy?: boolean;
}

const knownSecretsMax = 256;
const secretUnitsMin = 8;
const secretUnitsMax = 16_384;
/** The automaton holds only the beginning of each form; the rest is compared at the hit. */
const literalUnits = 12;

/** One way in which a secret can be written. */
interface Form {
  readonly known: KnownSecret;
  readonly text: string;
  readonly via: readonly string[];
  /** Characters on each side that carry bits of the secret mixed with bits of its neighbours. */
  readonly before: number;
  readonly after: number;
}

export const knownSecretEntry = {
  ...secretDefaults,
  id: 'known-secret',
  title: 'Secret of this deployment, in plain or encoded',
  source:
    'the secrets handed to the filter when it was built; RFC 4648 (base64, base64url, base16), RFC 3986 §2.1',
  examples: { hit: [], miss: [] },
} as const;

const decoyPrefix = 'decoy:';

/** Whether a finding's detector is a decoy. */
export function isDecoyId(detector: string): boolean {
  return detector.startsWith(decoyPrefix);
}

/**
 * Detectors of all secrets together, each decoy under an id of its own, which no profile can name.
 * Throws `RangeError` naming the secret's id (never the secret) when it cannot be looked for.
 */
export function buildKnownSecretDetectors(secrets: readonly KnownSecret[]): readonly LiteralDetector[] {
  if (secrets.length > knownSecretsMax) {
    throw new RangeError(`${secrets.length} known secrets; at most ${knownSecretsMax} can be looked for`);
  }
  for (const known of secrets) assertUsable(known);
  const decoys = secrets.filter(({ isDecoy }) => isDecoy === true);
  return [
    ...decoys.map((decoy) => ({
      ...buildDetector([decoy]),
      id: `${decoyPrefix}${decoy.id}`,
      title: 'Decoy credential, in plain or encoded',
      inbound: 'block' as const,
      outbound: 'block' as const,
    })),
    buildDetector(secrets.filter(({ isDecoy }) => isDecoy !== true)),
  ];
}

function buildDetector(secrets: readonly KnownSecret[]): LiteralDetector {
  const byLiteral = new Map<string, Form[]>();
  for (const known of secrets) {
    for (const form of formsOf(known)) {
      const literal = form.text.slice(0, literalUnits);
      const others = byLiteral.get(literal);
      if (others === undefined) byLiteral.set(literal, [form]);
      else if (!others.some((other) => other.text === form.text)) others.push(form);
    }
  }
  return { ...knownSecretEntry, literals: [...byLiteral.keys()], format: { kind: 'span', find } };

  function find(text: string, at: number): Span | null {
    for (let length = literalUnits; length >= formUnitsMin; length--) {
      const forms = byLiteral.get(text.slice(at, at + length));
      const form = forms?.find((form) => text.startsWith(form.text, at));
      if (form !== undefined) return spanOf(form, text, at);
    }
    return null;
  }
}

const formUnitsMin = 8;

/** Whether a text ends, at a line's end, in the midst of a known secret. `ending` gives that many units of its end, or all. */
export type KnownSecretTail = (ending: (units: number) => string) => boolean;

/** What is read first of the ending: with most texts, all. */
const glanceUnits = 64;

export function buildKnownSecretTail(secrets: readonly KnownSecret[]): KnownSecretTail {
  const severalLines = secrets.flatMap(formsOf).filter(({ text }) => text.includes('\n'));
  if (severalLines.length === 0) return () => false;
  return (ending) => {
    const glance = ending(glanceUnits);
    return severalLines.some(({ text }) => {
      for (let end = text.indexOf('\n') + 1; end !== 0; end = text.indexOf('\n', end) + 1) {
        if (!glance.endsWith(text.slice(Math.max(0, end - glanceUnits), end))) continue;
        if (end <= glanceUnits || ending(end) === text.slice(0, end)) return true;
      }
      return false;
    });
  };
}

function assertUsable({ id, secret }: KnownSecret): void {
  if (!/^[a-z0-9-]{1,40}$/.test(id)) {
    throw new RangeError(
      `known secret id ${JSON.stringify(id.slice(0, 60))}: use lower-case letters, digits and "-", at most 40`,
    );
  }
  if (secret.length < secretUnitsMin || secret.length > secretUnitsMax || !secret.isWellFormed()) {
    throw new RangeError(
      `known secret ${id}: use ${secretUnitsMin} to ${secretUnitsMax} characters of well-formed text`,
    );
  }
}

function spanOf(form: Form, text: string, at: number): Span {
  let start = at;
  let end = at + form.text.length;
  const isBase64 = (index: number) => /[A-Za-z0-9+/_=-]/.test(text.charAt(index));
  while (start > 0 && at - start < form.before && isBase64(start - 1)) start--;
  while (end - at - form.text.length < form.after && isBase64(end)) end++;
  return { start, end, confidence: 'high', label: form.known.id, secret: form.known.secret, via: form.via };
}

function formsOf(known: KnownSecret): Form[] {
  const bytes = Buffer.from(known.secret, 'utf8');
  const hex = bytes.toString('hex');
  const json = JSON.stringify(known.secret).slice(1, -1);
  const little = Buffer.from(known.secret, 'utf16le');
  const big = Buffer.from(little).swap16();
  const percent = hex.replaceAll(/../g, (pair) => `%${pair}`);
  const exact = (text: string, ...via: string[]): Form => ({ known, text, via, before: 0, after: 0 });
  return [
    exact(known.secret),
    exact(bytes.toString('latin1')),
    exact([...known.secret].reverse().join(''), 'reversed'),
    exact(hex, 'hex'),
    exact(hex.toUpperCase(), 'hex'),
    exact(percent, 'percent'),
    exact(percent.toUpperCase(), 'percent'),
    exact(encodeURIComponent(known.secret), 'percent'),
    exact(json, 'json'),
    exact(JSON.stringify(json).slice(1, -1), 'json', 'json'),
    ...[' ', ':', '-'].flatMap((between) => {
      const spaced = hex.replaceAll(/(..)(?!$)/g, `$1${between}`);
      return [exact(spaced, 'hex'), exact(spaced.toUpperCase(), 'hex')];
    }),
    // What is left of it where its bytes were read as UTF-8 and NULs taken out.
    exact(Buffer.from(known.secret, 'latin1').toString('utf8'), 'latin1'),
    ...[little, big].flatMap((bytes) => [
      exact(bytes.toString('utf8').replaceAll('\0', ''), 'utf-16'),
      exact(bytes.toString('latin1'), 'utf-16'),
    ]),
    ...[0, 1, 2].flatMap((alignment) => base64Forms(known, bytes, alignment)),
  ].filter((form) => form.text.length >= formUnitsMin);
}

/** The characters that depend on the secret alone when `alignment` bytes (modulo 3) stand before it. */
function base64Forms(known: KnownSecret, bytes: Buffer, alignment: number): Form[] {
  const encoded = Buffer.concat([Buffer.alloc(alignment), bytes])
    .toString('base64')
    .replaceAll('=', '');
  const first = Math.ceil((alignment * 8) / 6);
  const last = Math.floor(((alignment + bytes.length) * 8) / 6);
  const text = encoded.slice(first, last);
  const edges = { before: alignment === 0 ? 0 : 1, after: last < encoded.length ? 1 : 0 };
  return [
    { known, text, via: ['base64'], ...edges },
    { known, text: text.replaceAll('+', '-').replaceAll('/', '_'), via: ['base64url'], ...edges },
  ];
}
