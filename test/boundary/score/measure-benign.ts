/** False alarms on ordinary text: packages as they are installed (read where they lie, not copied), vega-datasets, and logs. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Boundary } from '../../../src/boundary/boundary.ts';
import { ordinaryLogs } from './ordinary-logs.ts';

export interface Corpus {
  readonly name: string;
  readonly bytes: number;
  /** Stretches that were taken out, by detector. Everything counts as wrong, though some packages hold real test keys. */
  readonly redacted: ReadonlyMap<string, number>;
  /** Stretches that were only reported. */
  readonly flagged: ReadonlyMap<string, number>;
  readonly files: readonly { readonly file: string; readonly detectors: readonly string[] }[];
}

const modules = join(import.meta.dirname, '../../../node_modules');
const fileBytesMax = 8_000_000;

const kinds: readonly (readonly [name: string, matches: RegExp])[] = [
  ['lock files', /(?:package-lock\.json|\.package-lock\.json|yarn\.lock|pnpm-lock\.yaml)$/],
  ['minified code', /\.min\.(?:js|mjs|cjs)$/],
  ['source maps', /\.map$/],
  ['type declarations', /\.d\.[mc]?ts$/],
  ['JavaScript and TypeScript', /\.(?:[mc]?js|[mc]?ts)$/],
  ['C, C++ and Python', /\.(?:c|cc|cpp|h|hpp|py)$/],
  ['JSON', /\.json$/],
  ['Markdown', /\.(?:md|markdown)$/i],
  ['YAML and settings', /\.(?:ya?ml|toml|ini|cfg|gyp|gypi|editorconfig|npmignore)$/],
];

/** Of each kind of text so many bytes at most, in the order of their paths. */
export function measureBenign(boundary: Boundary, corpusBytesMax: number): Corpus[] {
  const texts = new Map<string, Map<string, string>>();
  const put = (kind: string, file: string, text: string) => {
    const held = texts.get(kind) ?? new Map<string, string>();
    texts.set(kind, held.set(file, text));
  };
  const spent = new Map<string, number>();
  for (const file of filesOf(modules)) {
    const isData = file.includes('vega-datasets/data');
    const kind = isData ? 'data sets' : kinds.find(([, matches]) => matches.test(file))?.[0];
    if (kind === undefined || (isData && !/\.(?:json|csv|tsv)$/.test(file))) continue;
    const used = spent.get(kind) ?? 0;
    const { size } = statSync(file);
    if (used + size > corpusBytesMax || size > fileBytesMax) continue;
    spent.set(kind, used + size);
    put(kind, relative(modules, file), readFileSync(file, 'utf8'));
  }
  put('logs', 'ordinary-logs', ordinaryLogs(2_000_000));
  return [...texts].map(([name, files]) => measureCorpus(name, files, boundary));
}

function measureCorpus(name: string, texts: ReadonlyMap<string, string>, boundary: Boundary): Corpus {
  const redacted = new Map<string, number>();
  const flagged = new Map<string, number>();
  const files: { file: string; detectors: string[] }[] = [];
  let bytes = 0;
  for (const [file, text] of texts) {
    const stdout = Buffer.from(text);
    bytes += stdout.length;
    const { report } = boundary.filterOutput(
      { result: null, error: null, stdout, stderr: new Uint8Array(), artifacts: [] },
      [],
    );
    for (const { detector, action, count } of report.findings) {
      const counts = action === 'flag' ? flagged : redacted;
      counts.set(detector, (counts.get(detector) ?? 0) + count);
    }
    const detectors = report.findings.map(
      ({ detector, action, count, where }) => `${action} ${detector} ×${count} ${where}`,
    );
    if (detectors.length > 0) files.push({ file, detectors });
  }
  return { name, bytes, redacted, flagged, files };
}

/** Without a package whose subject are tokens of GitHub, which its documentation shows in their real form. */
function* filesOf(directory: string): Generator<string> {
  const entries = readdirSync(directory, { withFileTypes: true }).toSorted((one, other) =>
    one.name < other.name ? -1 : 1,
  );
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (path.endsWith('/@octokit/auth-token')) continue;
    if (entry.isDirectory()) yield* filesOf(path);
    else if (entry.isFile()) yield path;
  }
}
