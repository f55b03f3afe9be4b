/** The one JSON answer of a harness: hostile bytes, as the code can write them itself. Parsed with caps. */
import { errorMessageCharsMax, errorNameCharsMax, errorStackCharsMax, resultDepthMax } from './limits.ts';

export interface GuestError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

export type Envelope =
  | { readonly kind: 'value'; readonly json: Uint8Array }
  | { readonly kind: 'error'; readonly error: GuestError }
  /** No answer by the protocol: the harness was taken over or ended early. */
  | { readonly kind: 'malformed'; readonly reason: string };

export function parseEnvelope(bytes: Uint8Array): Envelope {
  if (isTooDeep(bytes)) {
    const message = `the result is nested deeper than ${resultDepthMax}`;
    return { kind: 'error', error: { name: 'RangeError', message } };
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return { kind: 'malformed', reason: bytes.length === 0 ? 'no result' : 'a result that is no JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null)
    return { kind: 'malformed', reason: 'a result of another form' };
  if ('ok' in parsed && parsed.ok === true && 'value' in parsed) {
    return { kind: 'value', json: Buffer.from(JSON.stringify(parsed.value)) };
  }
  if ('ok' in parsed && parsed.ok === false && 'error' in parsed) {
    return { kind: 'error', error: readError(parsed.error) };
  }
  return { kind: 'malformed', reason: 'a result of another form' };
}

function readError(given: unknown): GuestError {
  const fields =
    typeof given === 'object' && given !== null ? (given as Readonly<Record<string, unknown>>) : {};
  const { name, message, stack } = fields;
  return {
    name: typeof name === 'string' && name !== '' ? name.slice(0, errorNameCharsMax) : 'Error',
    message: typeof message === 'string' ? message.slice(0, errorMessageCharsMax) : '',
    ...(typeof stack === 'string' && stack !== '' ? { stack: stack.slice(0, errorStackCharsMax) } : {}),
  };
}

const quote = 0x22;
const backslash = 0x5c;

/** Counts open brackets outside of strings, before anything recursive sees the bytes. The envelope is one level. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > resultDepthMax + 1) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}
