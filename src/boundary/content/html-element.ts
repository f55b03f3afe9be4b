/**
 * An HTML tag that begins at some place, and the URLs that a browser would load for it (HTML Standard §13.2.5, URL
 * Standard §4.4). Hostile: all of it. Browsers take the first of two equal attributes, any of a set of pictures, and
 * `\` for `/`, so every URL of the tag is looked at.
 */
import type { Confidence, Span } from '../detector.ts';

/** A tag longer than this is read so far. */
const tagUnitsMax = 2048;
/** Outside of quotes `<` is a mistake that browsers read over; more of them are other tags. */
const strayMax = 1;

const loading =
  /[\s"'/](?:src|srcset|imagesrcset|lowsrc|dynsrc|href|xlink:href|data|poster|action|formaction|background|content|manifest|code|archive)\s{0,64}=/gi;
const url = /(?<![^\s,;=('"])(?:https?:[\\/]{0,8}|[\\/]{2,8})[^\s"'<>]{3,2048}/gi;

/** One span from the first URL that carries data to the last: what is between them goes along. */
export function findInTag(text: string, at: number, check: (url: string) => Confidence | null): Span | null {
  if (!isTag(text, at)) return null;
  const tag = text.slice(at, endOfTag(text, at).end);
  if (!tag.includes('=') || !/[/\\:]/.test(tag)) return null;
  const spans = loadingValues(tag).flatMap(({ from, to }) =>
    [...tag.slice(from, to).matchAll(url)].flatMap((match): Span[] => {
      const confidence = check(asBrowsersRead(match[0]));
      const start = at + from + match.index;
      return confidence === null ? [] : [{ start, end: start + match[0].length, confidence }];
    }),
  );
  const [first] = spans;
  const last = spans.at(-1);
  return first === undefined || last === undefined ? null : { ...first, end: last.end };
}

/** Whether further text may belong to the tag. */
export function isOpenTag(text: string, at: number): boolean {
  return isTag(text, at) && !endOfTag(text, at).isKnown;
}

/** No longer word that only begins like the name of an element. */
function isTag(text: string, at: number): boolean {
  return /^<[A-Za-z]{1,12}(?:[\s/"'>]|$)/.test(text.slice(at, at + 14));
}

function endOfTag(text: string, at: number): { readonly end: number; readonly isKnown: boolean } {
  const until = Math.min(text.length, at + tagUnitsMax);
  let quote = 0;
  let strays = 0;
  for (let place = at + 1; place < until; place++) {
    const unit = text.charCodeAt(place);
    if (quote !== 0) {
      if (unit === quote) quote = 0;
    } else if (unit === 0x22 || unit === 0x27) quote = unit;
    else if (unit === 0x3e) return { end: place, isKnown: true };
    else if (unit === 0x3c && ++strays > strayMax) return { end: place, isKnown: true };
  }
  return { end: until, isKnown: until === at + tagUnitsMax };
}

/** Where the values of attributes stand that make a browser load something. */
function loadingValues(tag: string): readonly { readonly from: number; readonly to: number }[] {
  return [...tag.matchAll(loading)].map((match) => {
    const from = match.index + match[0].length;
    const value = /^\s{0,64}(?:"[^"]{0,2048}|'[^']{0,2048}|[^\s>]{0,2048})/.exec(tag.slice(from));
    return { from, to: from + (value?.[0].length ?? 0) };
  });
}

function asBrowsersRead(written: string): string {
  const path = written.replace(/^(?:https?:)?[\\/]{0,8}/i, '');
  return `https://${path.replaceAll('\\', '/')}`;
}
