/**
 * JSON text from outside, parsed under caps. The text is hostile: it may nest a million levels or hold a
 * million keys. The caps are checked on the bytes, before a parser builds anything.
 */
import type { JsonValue } from '../model/json.ts';

export interface JsonCaps {
  readonly depthMax: number;
  /** Object members and array elements together. */
  readonly membersMax: number;
  /** Whole numbers that would be read as others are refused: what is decided and run would not be what was sent. */
  readonly isExact?: boolean;
}

/** API.md, limits at the door: depth 64. */
export const requestJsonCaps: JsonCaps = { depthMax: 64, membersMax: 100_000, isExact: true };
export const resultJsonCaps: JsonCaps = { depthMax: 64, membersMax: 500_000 };

export type BoundedJson =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly message: string };

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBracket = 0x5d;
const closeBrace = 0x7d;

/** Never throws. Invalid UTF-8, invalid JSON, numbers beyond a double and exceeded caps come back as a message for the sender. */
export function parseBoundedJson(bytes: Uint8Array, caps: JsonCaps): BoundedJson {
  const excess = findExcess(bytes, caps);
  if (excess !== null) return { ok: false, message: excess };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, message: 'is not valid UTF-8' };
  }
  try {
    const value = JSON.parse(text) as JsonValue;
    if (!everyNumber(value, Number.isFinite))
      return { ok: false, message: 'has a number that no double can hold' };
    const altered = caps.isExact === true && !everyNumber(value, isExactAnyway) ? findAltered(text) : null;
    if (altered === null) return { ok: true, value };
    return {
      ok: false,
      message: `has the whole number ${altered}, which a double cannot hold exactly: send it as a string`,
    };
  } catch (error) {
    return {
      ok: false,
      message: `is not valid JSON: ${error instanceof Error ? error.message : 'syntax error'}`,
    };
  }
}

/** `1e999` parses as Infinity, which JSON cannot write again: it would be checked as one value and run as another. */
function everyNumber(value: JsonValue, fits: (number: number) => boolean): boolean {
  if (typeof value === 'number') return fits(value);
  if (typeof value !== 'object' || value === null) return true;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'number' ? !fits(member) : !everyNumber(member, fits)) return false;
  }
  return true;
}

/** Few documents have others, and only those are read a second time. */
function isExactAnyway(number: number): boolean {
  return Number.isSafeInteger(number) || !Number.isInteger(number);
}

/** What no identifier is longer than; of a number with more digits the beginning is told. */
const digitsShownMax = 40;

/** The first whole number, written as digits, that is another one once it is read. */
function findAltered(text: string): string | null {
  let altered: string | null = null;
  JSON.parse(text, (_name: string, value: unknown, written?: { readonly source?: string }) => {
    const source = written?.source;
    if (altered !== null || typeof value !== 'number' || source === undefined || !/^-?\d+$/.test(source))
      return value;
    if (BigInt(value) !== BigInt(source)) altered = source.slice(0, digitsShownMax);
    return value;
  });
  return altered;
}

function findExcess(bytes: Uint8Array, caps: JsonCaps): string | null {
  let depth = 0;
  let members = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    switch (bytes[index]) {
      case quote:
        index = endOfString(bytes, index);
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        if (depth > caps.depthMax) return `is nested deeper than ${caps.depthMax} levels`;
        break;
      case closeBracket:
      case closeBrace:
        depth -= 1;
        break;
      case comma:
        members += 1;
        if (members > caps.membersMax) return `has more than ${caps.membersMax} members`;
        break;
      default:
    }
  }
  return null;
}

/** Most strings are short, and end before a search through native code has begun. */
const shortBytesMax = 32;

function endOfString(bytes: Uint8Array, start: number): number {
  let index = start + 1;
  const shortEnd = Math.min(bytes.length, index + shortBytesMax);
  while (index < shortEnd && bytes[index] !== quote) index += bytes[index] === backslash ? 2 : 1;
  if (index < shortEnd || index >= bytes.length) return index;
  const found = bytes.indexOf(quote, index);
  if (found === -1) return bytes.length;
  if (found === index || bytes[found - 1] !== backslash) return found;
  while (index < bytes.length && bytes[index] !== quote) index += bytes[index] === backslash ? 2 : 1;
  return index;
}
