/**
 * TypeScript to JavaScript by blanking out types: every line and column stays where it was. Node's own stripper
 * (`node:module`, the parser is WebAssembly) parses hostile source here, in the confined worker, within the call's
 * deadline and memory; about 50 ms and 20 MB at its first use in a process, then 0.2 ms a kilobyte.
 */
import { stripTypeScriptTypes } from 'node:module';

/** One-based. */
export interface SourcePlace {
  readonly line: number;
  readonly column: number;
}

export type Stripped =
  | { readonly kind: 'javascript'; readonly source: string }
  /** Neither JavaScript nor TypeScript, or (`isUnsupported`) TypeScript whose types cannot simply be left out. */
  | {
      readonly kind: 'mistake';
      readonly message: string;
      readonly isUnsupported: boolean;
      readonly place: SourcePlace | null;
    }
  /** This process has no WebAssembly. */
  | { readonly kind: 'unavailable' };

/**
 * The parser failed on its own account, as it does when source nests so deep that its stack overflows. Its state
 * is lost with that: this process must strip nothing more.
 */
export class StripperBroken extends Error {
  override readonly name = 'StripperBroken';
}

/** Throws `StripperBroken`. */
export function stripTypes(source: string): Stripped {
  try {
    return { kind: 'javascript', source: stripTypeScriptTypes(source) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { message, stack = '' } = error;
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ERR_INVALID_TYPESCRIPT_SYNTAX':
        return { kind: 'mistake', message, isUnsupported: false, place: placeIn(stack) };
      case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
        return { kind: 'mistake', message, isUnsupported: true, place: placeIn(stack) };
      case 'ERR_WEBASSEMBLY_NOT_SUPPORTED':
        return { kind: 'unavailable' };
      default:
        throw new StripperBroken('the TypeScript parser failed', { cause: error });
    }
  }
}

/** Node puts `:line`, some lines of the source and a line of carets before the stack. */
function placeIn(stack: string): SourcePlace | null {
  const line = /^:(\d+)\n/.exec(stack)?.[1];
  const carets = stack.split('\n').findLast((text) => /^\s*\^+\s*$/.test(text));
  return line === undefined || carets === undefined
    ? null
    : { line: Number(line), column: carets.indexOf('^') + 1 };
}
