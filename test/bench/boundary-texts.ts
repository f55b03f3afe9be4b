/** Of B7: outputs of tools, about a megabyte of each kind. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const megabyte = 1_000_000;
const modules = join(import.meta.dirname, '../../node_modules');

/** Each kind of output by itself, and all of them in one text. */
export function benchTexts(): Record<string, string> {
  const kinds = kindsOfText();
  return { ...kinds, mixed: Object.values(kinds).join('\n') };
}

function kindsOfText(): Record<string, string> {
  return {
    code: readTree('fast-check/lib', /\.js$/),
    markdown: readTree('.', /\.md$/),
    json: readTree('.', /package\.json$/),
    logs: '2026-01-02T03:04:05.678Z info api request 01JABCDEFGHJKMNPQRSTVWXYZ0 GET /v1/calls 200 12.5 ms\n'.repeat(
      11_000,
    ),
    prose: 'The quick brown fox jumps over the lazy dog, and nobody knows why it does so again. '.repeat(
      12_000,
    ),
    base64: Buffer.from(
      Uint32Array.from({ length: 190_000 }, (_, at) => Math.imul(at, 2_654_435_761)).buffer,
    ).toString('base64'),
  };
}

/** One megabyte of what is installed, in order of name. */
function readTree(folder: string, name: RegExp): string {
  const root = join(modules, folder);
  const parts: string[] = [];
  let length = 0;
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!name.test(entry)) continue;
    const text = readFileSync(join(root, entry), 'utf8');
    parts.push(text);
    length += text.length;
    if (length > megabyte) break;
  }
  return parts.join('\n').slice(0, megabyte);
}
