/** Lines of a file that may be hostile: one at a time, and none longer than a limit. */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { CommandFailed } from './command-failed.ts';

/** Longer than any event: content has the limits of bodies and outputs. */
const lineBytesMax = 128 * 1024 * 1024;

const lineFeed = 10;

/** Without their line feed; an unfinished last line counts. Throws `CommandFailed` for a line that is too long. */
export async function* readLines(path: string): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      parts.push(chunk.subarray(start, end));
      yield decode(parts);
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > lineBytesMax)
      throw new CommandFailed(1, `${path} has a line of more than ${lineBytesMax} bytes.`);
  }
  if (bytes > 0) yield decode(parts);
}

/** Bytes that are no UTF-8 could be read as something else than they are: such a line is empty, which is no line of ours. */
function decode(parts: readonly Buffer[]): string {
  const line = Buffer.concat(parts);
  return isUtf8(line) ? line.toString() : '';
}
