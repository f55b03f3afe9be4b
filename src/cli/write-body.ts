/** The body of an answer, as it comes, to standard output or into a new file. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { CommandFailed } from './command-failed.ts';
import { withProgress } from './progress.ts';
import { reasonOf } from './reason-of.ts';

/** `out`: a file that is not there yet, for its owner alone. Throws `CommandFailed`, with `broken` where it came to no end. */
export async function writeBody(
  body: globalThis.ReadableStream<Uint8Array>,
  out: string | undefined,
  { doing, broken }: { readonly doing: string; readonly broken: string },
): Promise<void> {
  const target = out === undefined ? process.stdout : await create(out);
  const write = (): Promise<void> => pipeline(Readable.fromWeb(body as ReadableStream), target);
  try {
    // What comes on a terminal is progress enough.
    await (target === process.stdout && process.stdout.isTTY ? write() : withProgress(doing, write));
  } catch (error) {
    throw new CommandFailed(1, `${broken} (${reasonOf(error)})`, { cause: error });
  }
}

async function create(path: string): Promise<Writable> {
  try {
    return (await open(path, 'wx', 0o600)).createWriteStream();
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = exists ? 'exists already: name a new file' : `cannot be written: ${reasonOf(error)}`;
    throw new CommandFailed(1, `${path} ${why}.`, { cause: error });
  }
}
