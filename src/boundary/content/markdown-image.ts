import type { Confidence, Span } from '../detector.ts';

/** A description longer than this ends the search; CommonMark sets no limit. */
const descriptionUnitsMax = 240;
const destination = /\]\(\s{0,4}<?((?:https?:)?\/\/[^\s()<>!]{4,2048})/iy;

/** The URL of the image whose `![` stands at `at`: its description may hold line breaks and balanced brackets (CommonMark §6.3, §6.4). */
export function findImage(text: string, at: number, check: (url: string) => Confidence | null): Span | null {
  const close = closingBracket(text, at + 1);
  if (close === -1) return null;
  destination.lastIndex = close;
  const url = destination.exec(text)?.[1];
  const confidence = url === undefined ? null : check(url);
  if (url === undefined || confidence === null) return null;
  const end = destination.lastIndex;
  return { start: end - url.length, end, confidence };
}

/** Of the bracket that opens at `open`; -1 when it does not close in time. */
function closingBracket(text: string, open: number): number {
  const until = Math.min(text.length, open + descriptionUnitsMax);
  let depth = 0;
  for (let at = open; at < until; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x5c) at++;
    else if (unit === 0x5b) depth++;
    else if (unit === 0x5d && --depth === 0) return at;
  }
  return -1;
}
