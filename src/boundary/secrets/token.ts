/** The short forms in which vendors' formats are written down. */
import type { Confidence, LiteralDetector } from '../detector.ts';
import { secretDefaults } from '../detector.ts';
import type { LookAhead } from '../look-ahead.ts';
import { standsWithin } from '../look-ahead.ts';
import { notFiller } from '../randomness.ts';

interface TokenFormat {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly literals: readonly string[];
  /** Sticky, from the literal on (or `lead` before it). */
  readonly pattern: RegExp;
  readonly lead?: number;
  /** Letters and digits unless said: what may not stand beside the token. */
  readonly alphabet?: RegExp;
  readonly check?: (token: string) => Confidence | null;
  readonly isProvable?: boolean;
  readonly mayMatch?: LookAhead;
  readonly hit: readonly string[];
  readonly miss: readonly string[];
}

/** A token that its own format gives away. */
export function token(format: TokenFormat): LiteralDetector {
  const { id, title, source, literals, pattern, lead, isProvable, mayMatch, hit, miss } = format;
  return {
    ...secretDefaults,
    id,
    title,
    source,
    literals,
    format: {
      kind: 'pattern',
      pattern,
      ...(lead === undefined ? {} : { lead }),
      ...(isProvable === undefined ? {} : { isProvable }),
      ...(mayMatch === undefined ? {} : { mayMatch }),
      alphabet: format.alphabet ?? /[A-Za-z0-9]/,
      check: format.check ?? notFiller,
    },
    examples: { hit, miss },
  };
}

interface PrefixedFormat {
  /** One of these begins the token. */
  readonly prefixes: readonly string[];
  readonly body: RegExp;
  /** A body, for the examples. */
  readonly sample: string;
  readonly alphabet?: RegExp;
  readonly check?: (token: string) => Confidence | null;
  readonly miss?: readonly string[];
}

/** The commonest form: a prefix of the vendor's own, then random characters. */
export function prefixed(id: string, title: string, source: string, format: PrefixedFormat): LiteralDetector {
  const { prefixes, body, sample, alphabet, check, miss = [] } = format;
  const start = prefixes.map((prefix) => prefix.replaceAll(/[.$+*?()|[\]{}\\^]/g, '\\$&')).join('|');
  return token({
    id,
    title,
    source,
    literals: prefixes,
    pattern: new RegExp(`(?:${start})${body.source}`, 'y'),
    alphabet: alphabet ?? (/_-\]/.test(body.source) ? /[A-Za-z0-9_-]/ : /[A-Za-z0-9]/),
    ...(check === undefined ? {} : { check }),
    hit: prefixes.map((prefix) => prefix + sample),
    miss: [
      ...prefixes.map((prefix) => prefix + 'x'.repeat(sample.length)),
      `${prefixes[0] ?? ''}your-token-here`,
      ...miss,
    ],
  });
}

interface ContextFormat {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  /** The vendor's name as it stands in names of variables and headers, in any case. At least four letters. */
  readonly names: readonly string[];
  /** The token itself: bounded, and with its own case. */
  readonly value: RegExp;
  readonly check?: (token: string) => Confidence | null;
  readonly alphabet?: RegExp;
  readonly hit: readonly string[];
  readonly miss: readonly string[];
}

/**
 * A token without marks of its own (so many hexadecimal digits), assigned to something that has the vendor's name and
 * says that it is a credential: `DATADOG_API_KEY=…`, `"twilio": {"auth_token": "…"}`.
 */
export function tokenOf(format: ContextFormat): LiteralDetector {
  const { id, title, source, names, value, hit, miss } = format;
  return {
    ...secretDefaults,
    id,
    title,
    source,
    literals: names,
    format: {
      kind: 'pattern',
      mayMatch: reachesSeparator(Math.max(...names.map(({ length }) => length))),
      pattern: assigned(`(?:${names.map((name) => name.replaceAll('.', '\\.')).join('|')})`, value),
      alphabet: format.alphabet ?? /[A-Za-z0-9+/=_-]/,
      check: orEncoded(value, format.check ?? looksMixed),
    },
    examples: { hit, miss },
  };
}

/**
 * A name, what makes it a credential, then `=`, `:`, `=>` or a quote, then the value as group `secret`: as it is, or in
 * base64, as the `data` of a Kubernetes Secret has it. The separators are those of shells, YAML, JSON (also escaped),
 * TOML, XML attributes and programming languages.
 */
function assigned(name: string, value: RegExp): RegExp {
  const credential = '[\\w\\s.:"\'{-]{0,40}(?:key|token|secret|pass|auth|cred|dsn|pat)[\\w-]{0,16}';
  const encoded = '[A-Za-z0-9+/]{22,256}={0,2}';
  return new RegExp(
    `(?i:${name}${credential}${separators})(?<secret>${value.source}(?![A-Za-z0-9+/=])|${encoded}|${value.source})`,
    'y',
  );
}

/** A value in base64 is judged by what it says. */
function orEncoded(
  value: RegExp,
  check: (token: string) => Confidence | null,
): (token: string) => Confidence | null {
  const whole = new RegExp(`^(?:${value.source})$`);
  return (token) => {
    if (whole.test(token)) return check(token);
    const text = Buffer.from(token, 'base64').toString('latin1').trimEnd();
    return whole.test(text) ? check(text) : null;
  };
}

/** Between a name and its value; lists of variables have `value:` there: `- name: X` `value: y`, `{"name": "X", "value": "y"}`. */
export const separators = '(?:[\\s"\',]{1,40}value(?=["\'\\s:=]))?(?:\\\\[nrt"\']|[\\s"\'`:=,>(\\[{]){1,12}';

/** Whether anything ends what makes the name a credential: a name that repeats without end is assigned nothing. */
function reachesSeparator(nameUnitsMax: number): LookAhead {
  return standsWithin({
    oneOf: '\t\n\v\f\r "\'`:=,>([{\\',
    orBeyondAscii: true,
    unitsMax: nameUnitsMax + 40 + 'secret'.length + 16 + 1,
  });
}

/** Random, not a word: with a digit and a letter in it. */
function looksMixed(secret: string): Confidence | null {
  return /[0-9]/.test(secret) && /[A-Za-z]/.test(secret) ? notFiller(secret) : null;
}
