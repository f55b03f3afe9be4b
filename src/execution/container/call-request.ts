/**
 * What a harness is sent for one call: files under /work, then its request, then `end`.
 * Trusted: the arguments, as the bytes that policy decided on. What they name (paths, sizes) is the caller's and
 * is checked here, and once more by the supervisor.
 */
import { encodeControl, inFrames, soleCallChannel } from '../protocol/frame.ts';
import { readArgumentFiles } from '../argument-files.ts';
import type { ContainerProfile, StoredContent } from '../executor.ts';
import { workBytesMax } from './host-config.ts';

export type CallRequest = PreparedRequest | RefusedRequest;

export interface PreparedRequest {
  readonly kind: 'frames';
  /** All of it, for a container that serves this call alone. */
  readonly frames: () => Iterable<Uint8Array>;
  /** In two parts, for a session: files first, each put on its own, then what runs. */
  readonly files: readonly SandboxFile[];
  readonly request: () => Iterable<Uint8Array>;
}

/** Nothing has to be started to know that this fails; the message is fit for the caller. */
interface RefusedRequest {
  readonly kind: 'refused';
  readonly message: string;
}

export interface SandboxFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** Contents of stored files by their ids. */
type StoredFiles = ReadonlyMap<string, Uint8Array>;

const pageBytes = 4096;
const encodings = { text: 'utf8', base64: 'base64' } as const;
const encoder = new TextEncoder();

/** Throws TypeError on arguments that are no JSON object: they were validated, so that is a bug. */
export function prepareRequest(
  profile: ContainerProfile,
  args: Uint8Array,
  stored: readonly StoredContent[] = [],
): CallRequest {
  const parsed: unknown = JSON.parse(Buffer.from(args).toString('utf8'));
  if (!isObject(parsed)) throw new TypeError('the arguments of a call have to be one JSON object');
  // `files` has its meaning beside a caller's code; a tool with code of its own gives it what meaning it likes.
  const files =
    profile.code === null
      ? readFiles(
          parsed['files'],
          workBytesMax(profile.limits.memoryMiB),
          new Map(stored.map(({ id, data }) => [id, data])),
        )
      : [];
  if (typeof files === 'string') return { kind: 'refused', message: files };
  const source =
    profile.code?.source ?? (profile.image.entry === 'script' ? parsed['script'] : parsed['code']);
  if (typeof source !== 'string') {
    const field = profile.image.entry === 'script' ? 'script' : 'code';
    return { kind: 'refused', message: `args.${field} has to be a string` };
  }
  if (profile.image.entry === 'json') {
    return frames(files, jsonRequest(profile, args));
  }
  // A script of a tool finds its arguments in a file, as it was started before they were known.
  const withArgs = profile.code === null ? files : [...files, { path: 'args.json', content: args }];
  return frames(withArgs, [encoder.encode(source)]);
}

/** The arguments go through byte for byte, inside of an object around them. */
function jsonRequest(profile: ContainerProfile, args: Uint8Array): Uint8Array[] {
  const code =
    profile.code === null
      ? ''
      : `"code":${JSON.stringify(profile.code.source)},"codeName":${JSON.stringify(profile.code.name)},`;
  return [encoder.encode(`{${code}"args":`), args, encoder.encode('}')];
}

function frames(files: readonly SandboxFile[], request: readonly Uint8Array[]): CallRequest {
  const requestFrames = function* (): Generator<Uint8Array> {
    for (const part of request) yield* inFrames('args', soleCallChannel, part);
    yield encodeControl('end', soleCallChannel, {});
  };
  return {
    kind: 'frames',
    files,
    request: requestFrames,
    *frames() {
      for (const file of files) {
        yield encodeControl('file', soleCallChannel, { path: file.path });
        yield* inFrames('fileData', soleCallChannel, file.content);
      }
      yield* requestFrames();
    },
  };
}

/** The files, or what is wrong with them. */
function readFiles(given: unknown, bytesMax: number, stored: StoredFiles): SandboxFile[] | string {
  const read = readArgumentFiles(given);
  if ('message' in read) return `args${read.pointer}: ${read.message}`;
  const files: SandboxFile[] = [];
  let bytes = 0;
  for (const [index, { path, content: given }] of read.entries()) {
    const content =
      given.kind === 'file' ? stored.get(given.id) : Buffer.from(given.text, encodings[given.kind]);
    if (content === undefined) return `args/files/${index}: there is no such stored file`;
    bytes += Math.ceil(content.length / pageBytes) * pageBytes;
    if (bytes > bytesMax) return `args/files: more than the ${bytesMax} bytes that fit into /work`;
    files.push({ path, content });
  }
  return files;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
