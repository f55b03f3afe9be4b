/**
 * What a log line says of things that others wrote: errors quote URLs, arguments and the last words of hostile
 * processes. Every text of such a line goes through the filter, and none of it is long.
 */

/** Characters of one text in a line. */
const textCharsMax = 4096;
/** Entries of a list or an object, and how deep they go. */
const entriesMax = 200;
const depthMax = 8;
/** A shorter secret would blot out ordinary words. */
const secretCharsMin = 6;

const ownKeyPattern = /spk_([a-z0-9]{4,32})_[A-Za-z0-9_-]{43}/g;
/** RFC 3986, 3.2.1: what stands before `@` in an authority. */
const userInfoPattern = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"]{1,1024}@/gi;

export class LogScrubber {
  #secrets: readonly string[] = [];
  #redact: (text: string) => string = (text) => text;

  /** Secrets of the configuration: cut out wherever they stand, from the first line on. */
  hide(secrets: readonly string[]): void {
    const long = secrets.filter((secret) => secret.length >= secretCharsMin);
    this.#secrets = [...new Set(long)].toSorted((one, other) => other.length - one.length);
  }

  /** The boundary's filter, once there is one. */
  use(redact: (text: string) => string): void {
    this.#redact = redact;
  }

  /** One JSON line → the same with its texts filtered and capped. What is no JSON is withheld. */
  scrub(line: string): string {
    try {
      return `${JSON.stringify(this.#clean(JSON.parse(line), 0))}\n`;
    } catch {
      return '{"level":"error","msg":"a log line could not be filtered and was left out"}\n';
    }
  }

  #clean(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#cleanText(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= depthMax) return '…';
    if (Array.isArray(value))
      return value.slice(0, entriesMax).map((entry: unknown) => this.#clean(entry, depth + 1));
    const entries = Object.entries(value).slice(0, entriesMax);
    return Object.fromEntries(
      entries.map(([key, entry]) => [this.#cleanText(key), this.#clean(entry, depth + 1)]),
    );
  }

  #cleanText(text: string): string {
    let clean = hideOwnKeys(text).replace(userInfoPattern, '$1[REDACTED]@');
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '[REDACTED]');
    clean = this.#redact(clean);
    // Tokens that may hold a slash do not begin after one; in a path they do.
    if (clean.includes('/'))
      clean = clean
        .split('/')
        .map((part) => this.#redact(part))
        .join('/');
    // Cut last: half a secret is no longer one that is looked for.
    return clean.length <= textCharsMax ? clean : `${clean.slice(0, textCharsMax)}…`;
  }
}

export function hideOwnKeys(text: string): string {
  return text.replace(ownKeyPattern, 'spk_$1_[REDACTED]');
}
