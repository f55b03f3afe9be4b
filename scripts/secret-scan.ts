/**
 * Looks for secrets with the filter's own detectors: in the files of a git work tree (tracked, and new ones that are not
 * ignored) and in every version that its history holds; elsewhere in all files below. Says `file:line: detector`, never
 * the text. Exit code 1 when it found anything, 2 when it could not look. What is known and harmless stands in
 * `.secret-scan.yaml`, with the reason.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join, matchesGlob, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { createBoundary } from '../src/boundary/boundary.ts';
import { detectors } from '../src/boundary/detectors.ts';
import type { BoundaryProfile } from '../src/model/finding.ts';

const allowFile = '.secret-scan.yaml';
/** A NUL this early makes a file binary, as git sees it. */
const binaryProbeBytes = 8000;
const gitOutputBytesMax = 1024 * 1024 * 1024;
/** Where there is no git to say what is ours. */
const foldersOfOthers = new Set(['.git', 'node_modules', 'dist']);

/** `files`: globs from the top of the repository. `detectors`: ids; all that match are allowed there. */
interface Allowed {
  readonly files: readonly string[];
  readonly detectors: readonly string[];
  readonly reason: string;
}

interface Hit {
  readonly file: string;
  readonly line: number;
  readonly detector: string;
  /** The version of the file in history; null in the work tree. */
  readonly blob: string | null;
}

class CannotLook extends Error {
  override readonly name = 'CannotLook';
}

const secretIds = new Set(detectors.filter(({ family }) => family === 'secrets').map(({ id }) => id));
const profile: BoundaryProfile = {
  name: 'secret-scan',
  inbound: { detectors: {} },
  outbound: { detectors: { '*': 'flag' } },
  artifacts: 'any',
  taints: {},
  detectors: [],
  allow: { hosts: [], texts: [] },
  stream: 'buffered',
};
const boundary = createBoundary({ redactionKey: randomBytes(32), knownSecrets: [] });
const nothing = new Uint8Array();

function scan(file: string, data: Buffer, blob: string | null): Hit[] {
  if (data.subarray(0, binaryProbeBytes).includes(0)) return [];
  const content = { result: null, error: null, stdout: data, stderr: nothing, artifacts: [] };
  const { report } = boundary.filterOutput(content, [profile]);
  return report.findings
    .filter(({ detector, action }) => secretIds.has(detector) || action === 'block')
    .map(({ detector, where }) => ({ file, line: lineAt(data, where), detector, blob }));
}

/** `stdout@BYTE`. */
function lineAt(data: Buffer, where: string): number {
  const before = data.subarray(0, Number(/@(\d+)$/.exec(where)?.[1] ?? 0));
  return before.reduce((lines, byte) => (byte === 0x0a ? lines + 1 : lines), 1);
}

function git(top: string, args: readonly string[], input = ''): Buffer {
  const { status, stdout, stderr, error } = spawnSync(
    'git',
    ['-C', top, '-c', 'core.fsmonitor=false', ...args],
    {
      input,
      maxBuffer: gitOutputBytesMax,
    },
  );
  if (error !== undefined || status !== 0)
    throw new CannotLook(`git ${args[0]}: ${error?.message ?? stderr.toString().trim()}`);
  return stdout;
}

function workTree(top: string): Hit[] {
  const names = git(top, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']).toString();
  return scanFiles(top, names.split('\0'));
}

function folder(top: string): Hit[] {
  const files = readdirSync(top, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) =>
    relative(top, join(parentPath, name)),
  );
  return scanFiles(
    top,
    files.filter((file) => !file.split('/').some((part) => foldersOfOthers.has(part))),
  );
}

function scanFiles(top: string, files: readonly string[]): Hit[] {
  return [...new Set(files)]
    .filter((file) => file !== '' && isFile(join(top, file)))
    .flatMap((file) => scan(file, readFileSync(join(top, file)), null));
}

/** Neither links, whose targets are looked at as themselves, nor what was deleted. */
function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Every version of every file that any ref can reach, each once. */
function history(top: string): Hit[] {
  const objects = git(top, ['rev-list', '--objects', '--all']).toString().split('\n');
  const names = new Map(
    objects.flatMap((line) => {
      const space = line.indexOf(' ');
      return space === -1 ? [] : [[line.slice(0, space), line.slice(space + 1)] as const];
    }),
  );
  const hits: Hit[] = [];
  for (const { id, data } of blobs(top, [...names.keys()])) hits.push(...scan(names.get(id) ?? '', data, id));
  return hits;
}

function* blobs(top: string, ids: readonly string[]): Generator<{ id: string; data: Buffer }> {
  const batchIds = 500;
  for (let from = 0; from < ids.length; from += batchIds) {
    const batch = git(top, ['cat-file', '--batch'], `${ids.slice(from, from + batchIds).join('\n')}\n`);
    for (let at = 0; at < batch.length;) {
      const headEnd = batch.indexOf(0x0a, at);
      const [id = '', type = '', size = '0'] = batch.toString('utf8', at, headEnd).split(' ');
      const data = batch.subarray(headEnd + 1, headEnd + 1 + Number(size));
      if (type === 'blob') yield { id, data };
      at = headEnd + 1 + Number(size) + 1;
    }
  }
}

function readAllowed(top: string): readonly Allowed[] {
  const path = join(top, allowFile);
  if (!existsSync(path)) return [];
  const entries: unknown = parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(entries))
    throw new CannotLook(`${allowFile}: must be a list of files, detectors, reason`);
  return entries.map((entry: unknown, index) => {
    if (isAllowed(entry)) return entry;
    throw new CannotLook(
      `${allowFile}: entry ${index + 1} needs files and detectors (lists) and a reason (text)`,
    );
  });
}

function isAllowed(entry: unknown): entry is Allowed {
  if (typeof entry !== 'object' || entry === null) return false;
  const { files, detectors: ids, reason } = entry as Record<string, unknown>;
  const isList = (value: unknown): boolean =>
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
  return isList(files) && isList(ids) && typeof reason === 'string' && reason.trim() !== '';
}

function allows({ files, detectors: ids }: Allowed, { file, detector }: Hit): boolean {
  return ids.includes(detector) && files.some((glob) => matchesGlob(file, glob));
}

/** What git refuses to say of a folder is no reason not to look at its files. */
function find(top: string): { readonly hits: readonly Hit[]; readonly note: string | null } {
  try {
    return { hits: [...workTree(top), ...history(top)], note: null };
  } catch (error) {
    if (!(error instanceof CannotLook)) throw error;
    return { hits: folder(top), note: `the history was not looked at: ${error.message}` };
  }
}

function run(argv: readonly string[]): number {
  const [path = '.', ...more] = argv;
  if (more.length > 0 || path.startsWith('-')) throw new CannotLook('usage: secret-scan [directory]');
  const top = resolve(path);
  if (lstatSync(top, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CannotLook(`${path} is not a directory`);
  const allowed = readAllowed(top);
  const { hits, note } = find(top);
  const left = hits.filter((hit) => !allowed.some((entry) => allows(entry, hit)));
  const lines = left.map(({ file, line, detector, blob }) => {
    const where = blob === null ? '' : ` (in the history, blob ${blob.slice(0, 12)})`;
    return `${file}:${line}: ${detector}${where}`;
  });
  if (lines.length > 0) console.log([...new Set(lines)].join('\n'));
  if (note !== null) console.error(`secret-scan: ${note}`);
  return left.length === 0 ? 0 : 1;
}

try {
  process.exitCode = run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CannotLook)) throw error;
  console.error(`secret-scan: ${error.message}`);
  process.exitCode = 2;
}
