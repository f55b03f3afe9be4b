/** A tool's TypeScript as what will run: types blanked out, lines and columns kept (Node's `node:module`). */
import { stripTypeScriptTypes } from 'node:module';
import { UnreadableFile } from './read-directory.ts';

/** The operator's own file, read once when policy is loaded. Throws `UnreadableFile` with the reason. */
export function stripTypes(source: string): string {
  try {
    return stripTypeScriptTypes(source);
  } catch (error) {
    const { message, stack = '' } = error as Error;
    // Node puts `:line` before the stack.
    const line = /^:(\d+)\n/.exec(stack)?.[1];
    const place = line === undefined ? '' : `line ${line}: `;
    throw new UnreadableFile(`cannot be read as TypeScript: ${place}${message}`, { cause: error });
  }
}
