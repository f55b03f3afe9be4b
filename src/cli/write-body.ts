/** The body of an answer, as it comes, to standard output or into a new file. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { CommandFailed } from './command-failed.ts';
import { withProgress } from './progress.ts';

/** `out`: a file that is not there yet, for its owner alone. Throws `CommandFailed`, with `broken` where it came to no end. */
export async function writeBody(
  body: globalThis.ReadableStream<Uint8Array>,
  out: string | undefined,
  { doing, broken }: { readonly doing: string; readonly broken: string },
): Promise<void> {
  try {
    const target = out === undefined ? process.stdout : createWriteStream(out, { flags: 'wx', mode: 0o600 });
    const write = (): Promise<void> => pipeline(Readable.fromWeb(body as ReadableStream), target);
    // What comes on a terminal is progress enough.
    await (target === process.stdout && process.stdout.isTTY ? write() : withProgress(doing, write));
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new CommandFailed(1, exists ? `${out ?? ''} exists already: name a new file.` : broken, {
      cause: error,
    });
  }
}
