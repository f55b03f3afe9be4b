/**
 * Uploaded files that the arguments of a call name. Hostile: the ids. A file that is unknown, expired, removed,
 * erased or somebody else's answers alike. What is checked and what runs are the same bytes: each reading is held against the stored digest.
 */
import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { StoredContent } from '../../execution/executor.ts';
import { runFilesBytesMax, runFilesMax } from '../../execution/runner/messages.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Caller } from '../../model/principal.ts';
import type { Tool } from '../../model/tool.ts';
import { takesFiles } from '../../policy/upload-terms.ts';
import type { CallContext } from '../call-context.ts';
import type { Refusal } from '../refusal.ts';
import type { FileFacts } from '../../audit/uploaded-files.ts';
import type { RoomLimits } from './tenant-room.ts';

/**
 * Contents that calls hold. The filter copies what it looks into, so memory is a multiple of it. A tenant has room for the
 * largest call (`runFilesBytesMax`).
 */
export const fileMemoryBytes: RoomLimits = { all: 512 * 1024 * 1024, byTenant: 256 * 1024 * 1024 };

/** Contents in memory. Disposing gives their room back. */
export interface LoadedFiles extends Disposable {
  readonly contents: readonly StoredContent[];
}

/** Each file once, in the order of the arguments; nothing of it is read but its facts. */
export async function findFiles(
  { record }: Pick<CallContext, 'record'>,
  { principal }: Caller,
  tool: Tool,
  args: JsonObject,
): Promise<readonly FileFacts[] | Refusal> {
  const found = new Map<string, FileFacts>();
  for (const { id, index } of namedBy(tool, args)) {
    const file = found.get(id) ?? (await record.getFile(id));
    if (file === null || file.tenant !== principal.tenant || file.principal !== principal.id)
      return noSuchFile(index);
    found.set(id, file);
  }
  const files = [...found.values()];
  const bytes = bytesOf(files);
  const bytesMax = Math.min(runFilesBytesMax, tool.limits.memoryMiB * 1024 * 1024);
  return bytes > bytesMax || files.length > runFilesMax ? tooMuch(bytes, bytesMax) : files;
}

/** The bytes, within what may be in memory at once. */
export async function loadFiles(
  { fileMemory, record }: Pick<CallContext, 'fileMemory' | 'record'>,
  tenant: string,
  files: readonly FileFacts[],
): Promise<LoadedFiles | Refusal> {
  if (files.length === 0) return { contents: [], [Symbol.dispose]: () => {} };
  const room = fileMemory.take(tenant, bytesOf(files));
  if (room === null) return noMemory;
  using cleanup = new DisposableStack();
  cleanup.use(room);
  const contents: StoredContent[] = [];
  for (const [index, { id, sha256 }] of files.entries()) {
    const data = await record.fileContent(id);
    if (data === null || digestOf(data) !== sha256) return noSuchFile(index);
    contents.push({ id, data });
  }
  const kept = cleanup.move();
  return { contents, [Symbol.dispose]: () => kept.dispose() };
}

/** The arguments as if each file stood in them: what the boundary is to look at. */
export function withContents(tool: Tool, args: JsonObject, contents: readonly StoredContent[]): JsonObject {
  const texts = new Map(contents.map(({ id, data }) => [id, asInline(data)]));
  const places = new Map(namedBy(tool, args).map(({ id, index }) => [index, texts.get(id)]));
  const files = args['files'] as readonly JsonValue[];
  return {
    ...args,
    files: files.map((entry, index) => {
      const inline = places.get(index);
      if (inline === undefined) return entry;
      const { file: _file, ...rest } = entry as JsonObject;
      return { ...rest, ...inline };
    }),
  };
}

/** For `details` of an event. Whatever names files so is found again when they are held or erased. */
export function fileDetails(files: readonly FileFacts[]): JsonObject {
  return files.length === 0 ? {} : { files: files.map(({ id, sizeBytes }) => ({ id, sizeBytes })) };
}

/** For its `content`: a digest of somebody's data goes with the data. */
export function fileDigests(files: readonly FileFacts[]): JsonObject {
  return files.length === 0
    ? {}
    : { files: files.map(({ id, sizeBytes, sha256 }) => ({ id, sizeBytes, sha256 })) };
}

function namedBy(tool: Tool, args: JsonObject): readonly { readonly id: string; readonly index: number }[] {
  const { files } = args;
  if (!takesFiles(tool) || !Array.isArray(files)) return [];
  return (files as readonly JsonValue[]).flatMap((entry, index) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [];
    const { file: id } = entry;
    return typeof id === 'string' ? [{ id, index }] : [];
  });
}

function asInline(data: Uint8Array): { readonly text: string } | { readonly base64: string } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(data) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
}

function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function bytesOf(files: readonly FileFacts[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function noSuchFile(index: number): Refusal {
  return {
    code: 'not_found',
    detail: `The uploaded file of /files/${index} is not there: it is unknown, has expired, was removed, or is not yours. POST /v1/files uploads one.`,
  };
}

function tooMuch(bytes: number, bytesMax: number): Refusal {
  const message = `the uploaded files have ${bytes} bytes; this tool takes at most ${runFilesMax} files and ${bytesMax} bytes`;
  return {
    code: 'invalid_arguments',
    detail: `/files: ${message}`,
    errors: [{ pointer: '/files', message }],
  };
}

const noMemory: Refusal = {
  code: 'overloaded',
  detail: 'Too many uploaded files are in use by calls. Nothing was run; try again shortly.',
};
