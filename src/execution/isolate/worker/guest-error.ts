/** A guest's error on its way out: three capped strings, without the platform's own frames. */
import { errorNameCharsMax, errorTextCharsMax } from './messages.ts';
import type { GuestError } from './messages.ts';
import type { SourcePlace } from './strip-types.ts';

/** Marks the frames of the guest's bootstrap. */
export const platformFileName = 'sallyport:guest';
/** isolated-vm appends `[file:line:column]` to messages. */
const placePattern = / \[([^[\]]*):(\d+):(\d+)\]$/;
const platformFrame = /sallyport:|<isolated-vm boundary>|\bfile:\/\/|\bnode:|\bat stringify \(<anonymous>\)$/;

/** `stack` is text that the guest may have made up; only lines that look like frames are left out of it. */
export function guestErrorOf(name: string, message: string, stack: string): GuestError {
  if (isRefusedImport(name, message)) {
    return {
      name: 'SyntaxError',
      message: 'import() is not available: a tool is one module without imports',
    };
  }
  const lines = stack.slice(0, 4 * errorTextCharsMax).split('\n');
  const boundary = lines.findIndex((line) => line.includes('<isolated-vm boundary>'));
  const own = (boundary === -1 ? lines : lines.slice(0, boundary)).filter(
    (line) => !(/^\s+at /.test(line) && platformFrame.test(line)),
  );
  const shown = own.join('\n').slice(0, errorTextCharsMax).toWellFormed();
  return {
    name: name.slice(0, errorNameCharsMax).toWellFormed(),
    message: message.slice(0, errorTextCharsMax).toWellFormed(),
    ...(shown === '' ? {} : { stack: shown }),
  };
}

/** What the engine itself threw while compiling or evaluating the guest's module, as isolated-vm carried it over. */
export function guestErrorFrom(thrown: unknown): GuestError {
  if (!(thrown instanceof Error)) return guestErrorOf('Error', String(thrown), '');
  const { name, message, stack } = thrown;
  const place = placePattern.exec(message);
  if (name !== 'SyntaxError' || place === null) return guestErrorOf(name, message, stack ?? '');
  const text = message.slice(0, place.index);
  return guestErrorOf(name, text, `${name}: ${text}\n    at ${place[1]}:${place[2]}:${place[3]}`);
}

/** Where a syntax error is, as isolated-vm says it; null for anything else. */
export function placeOf(thrown: unknown): SourcePlace | null {
  if (!(thrown instanceof Error) || thrown.name !== 'SyntaxError') return null;
  const [, , line, column] = placePattern.exec(thrown.message) ?? [];
  return line === undefined ? null : { line: Number(line), column: Number(column) };
}

/** The engine's own words for `import()`, where nothing serves it, say nothing. */
function isRefusedImport(name: string, message: string): boolean {
  return name === 'Error' && message === 'Not supported';
}
