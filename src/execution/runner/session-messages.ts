/** What api and runner say to each other about sessions, and the checks on it. */
import type { Limits } from '../../model/limits.ts';
import type { FileAnswer, SessionFile, SessionOwner, SessionRequest } from '../sessions.ts';
import type { RuntimeReport } from '../../model/call.ts';
import { fileErrors } from '../sessions.ts';
import { fieldsOf, isAmount as isAmountOrNone, isText, parseRuntime } from './parse-answers.ts';

/** A file's content on its way, bytes. The api's own cap is lower or equal. */
export const sessionFileBytesMax = 256 * 1024 * 1024;
/** Files that one list names; the supervisor names no more. */
const listedFilesMax = 2_000;
/** The JSON of such a list, bytes: a name has at most 1,000, each of which can be escaped. */
const listBytesMax = 16 * 1024 * 1024;
const textCharsMax = 512;
const pathCharsMax = 4096;

interface SessionTarget extends SessionOwner {
  readonly sessionId: string;
}

/** What is to be done. `put` is followed by as many bytes as it says. */
export type SessionMessage =
  | (SessionRequest & { readonly op: 'open' })
  | (SessionTarget & { readonly op: 'check' | 'close' })
  | (SessionTarget & { readonly op: 'put'; readonly path: string; readonly dataBytes: number })
  | (SessionTarget & { readonly op: 'get'; readonly path: string; readonly bytesMax: number })
  | (SessionTarget & { readonly op: 'list' | 'remove'; readonly path: string });

/** The last word on it. A file's content, or the list as JSON, came before as data. */
export type SessionAnswer =
  | { readonly kind: 'opened'; readonly runtime: RuntimeReport }
  | { readonly kind: 'checked'; readonly isHeld: boolean }
  | { readonly kind: 'closed' }
  | { readonly kind: 'done'; readonly dropped: number }
  | Extract<FileAnswer, { kind: 'refused' }>;

type Fields = Readonly<Record<string, unknown>>;

/** The runner trusts the api no further than this: a session message has these fields, or it is refused. */
export function parseSessionMessage(fields: Fields | null): SessionMessage | null {
  if (fields === null) return null;
  const { op, sessionId, tenant, principal } = fields;
  if (!isShort(sessionId) || !isShort(tenant) || !isShort(principal)) return null;
  const target = { sessionId, tenant, principal };
  const { path, dataBytes, bytesMax } = fields;
  switch (op) {
    case 'open':
      return parseOpen(target, fields);
    case 'check':
    case 'close':
      return { op, ...target };
    case 'put':
      return isPath(path) && isBytes(dataBytes) ? { op, ...target, path, dataBytes } : null;
    case 'get':
      return isPath(path) && isBytes(bytesMax) ? { op, ...target, path, bytesMax } : null;
    case 'list':
    case 'remove':
      return isPath(path) ? { op, ...target, path } : null;
    default:
      return null;
  }
}

function parseOpen(target: SessionTarget, fields: Fields): SessionMessage | null {
  const { revision, tool, idleMs, lifetimeMs } = fields;
  const size = parseSize(fields['size']);
  if (!isShort(revision) || !isShort(tool) || size === null) return null;
  if (!isAmount(idleMs) || !isAmount(lifetimeMs)) return null;
  return { op: 'open', ...target, revision, tool, size, idleMs, lifetimeMs };
}

function parseSize(value: unknown): Pick<Limits, 'memoryMiB' | 'cpus' | 'pids'> | null {
  if (typeof value !== 'object' || value === null) return null;
  const { memoryMiB, cpus, pids } = value as Fields;
  return isAmount(memoryMiB) && isAmount(cpus) && isAmount(pids) ? { memoryMiB, cpus, pids } : null;
}

/** What may come before the answer, bytes. */
export function answerBytesMax(message: SessionMessage): number {
  if (message.op === 'get') return message.bytesMax;
  return message.op === 'list' ? listBytesMax : 0;
}

/** Null when it is not what a runner answers. */
export function parseSessionAnswer(fields: Fields | null): SessionAnswer | null {
  switch (fields?.['kind']) {
    case 'opened': {
      const runtime = parseRuntime(fields['runtime']);
      return runtime === null ? null : { kind: 'opened', runtime };
    }
    case 'checked':
      return typeof fields['isHeld'] === 'boolean' ? { kind: 'checked', isHeld: fields['isHeld'] } : null;
    case 'closed':
      return { kind: 'closed' };
    case 'done':
      return isAmountOrNone(fields['dropped']) ? { kind: 'done', dropped: fields['dropped'] } : null;
    case 'refused': {
      const error = fileErrors.find((known) => known === fields['error']);
      return error === undefined ? null : { kind: 'refused', error };
    }
    default:
      return null;
  }
}

/** A list as it comes over the wire. Hostile: its names, and all of it where the runner is. Null when it is none. */
export function parseFileList(data: Uint8Array): readonly SessionFile[] | null {
  let list: unknown;
  try {
    list = data.length === 0 ? [] : JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    return null;
  }
  if (!Array.isArray(list) || list.length > listedFilesMax) return null;
  const files: SessionFile[] = [];
  for (const entry of list as unknown[]) {
    const { path, sizeBytes, modifiedAtMs } = fieldsOf(entry);
    // Times are whatever the code set them to.
    if (!isText(path, pathCharsMax) || !isAmountOrNone(sizeBytes) || typeof modifiedAtMs !== 'number')
      return null;
    files.push({ path, sizeBytes, modifiedAtMs });
  }
  return files;
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= textCharsMax;
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.length <= pathCharsMax;
}

function isBytes(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= sessionFileBytesMax;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
