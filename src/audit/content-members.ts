/**
 * The top-level members of content as they stand in its text. Nothing is parsed: a commitment is to bytes, and bytes that it
 * fits are those that were sealed.
 */

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Name and value of a member as JSON text. */
export type MemberText = readonly [name: string, value: string];

/** In order; null for what is not plainly canonical: a name with escapes, or names that do not ascend. */
export function contentMembers(text: string): readonly MemberText[] | null {
  if (text.charCodeAt(0) !== openBrace || text.charCodeAt(text.length - 1) !== closeBrace) return null;
  if (text.length === 2) return [];
  const members: MemberText[] = [];
  let last = '';
  for (let at = 1; ;) {
    if (text.charCodeAt(at) !== quote) return null;
    const nameEnd = text.indexOf('"', at + 1);
    const name = text.slice(at + 1, nameEnd);
    const isNext = members.length === 0 || name > last;
    if (nameEnd === -1 || name.includes('\\') || !isNext || text.charCodeAt(nameEnd + 1) !== colon)
      return null;
    const end = valueEnd(text, nameEnd + 2);
    if (end === -1) return null;
    members.push([`"${name}"`, text.slice(nameEnd + 2, end)]);
    last = name;
    if (end === text.length - 1) return members;
    if (text.charCodeAt(end) !== comma) return null;
    at = end + 1;
  }
}

/** Where a value ends that begins here; -1 when it does not. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(text, at);
      if (at === -1) return -1;
    } else if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (code === comma && depth === 0) return at;
  }
  return -1;
}

/** The quotation mark that ends the string which begins here. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = end - 1;
    while (text.charCodeAt(escapes) === backslash) escapes -= 1;
    if ((end - escapes) % 2 === 1) return end;
  }
  return -1;
}
