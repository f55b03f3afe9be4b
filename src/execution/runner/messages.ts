/** What api and runner say to each other in control frames, and the checks on it. */
import type { Limits } from '../../model/limits.ts';
import type { ExecutorHealth, ExitReason, NotStartedCode } from '../executor.ts';
import type { Truncation } from '../../model/call.ts';
import { isCallId } from './seen-calls.ts';

/** Raised with every change that an older peer would misunderstand. */
export const protocolVersion = 3;

/** Data bytes that may be under way on one channel before the reader grants more. */
export const creditBytes = 512 * 1024;

/** Largest arguments of one call, bytes. The api's own body cap is lower or equal. */
export const argsBytesMax = 16 * 1024 * 1024;
/** Calls of one connection that are received or run at once; beyond it they are refused as `overloaded`. */
export const callsMax = 1024;
/** Arguments and files of all of them together, bytes, as announced. */
export const heldBytesMax = 1024 * 1024 * 1024;
/** Stored files of one call: how many, and their contents together, bytes. */
export const runFilesMax = 256;
export const runFilesBytesMax = 256 * 1024 * 1024;

export interface RunMessage {
  readonly callId: string;
  readonly tenant: string;
  readonly principal: string;
  readonly revision: string;
  readonly tool: string;
  readonly limits: Limits;
  readonly argsBytes: number;
  /** Narrower than the tool's own `reuse`; it can ask for nothing wider. */
  readonly reuse?: 'never';
  /** May wait for minutes for its turn. */
  readonly isPatient?: true;
  /** Runs in this session. */
  readonly sessionId?: string;
  /** Stored files that the arguments name: their contents follow the arguments, one after the other, as `fileData`. */
  readonly files?: readonly { readonly id: string; readonly sizeBytes: number }[];
}

/**
 * The api says which revision it decides under, at the start of a connection and before it decides under another one;
 * the runner answers, in the order of the questions, with that one if it holds it, else with its latest.
 */
export interface Hello {
  readonly protocol: number;
  readonly revision: string;
}

export interface RunnerHealth {
  readonly executors: readonly ExecutorHealth[];
  /** Ids of containers that were removed, each told once, to whichever api asks first. */
  readonly orphans: readonly string[];
}

export interface UsageMessage {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
  readonly outputBytes: number;
  readonly truncated: readonly Truncation[];
}

export interface ExitMessage {
  readonly reason: ExitReason;
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string } | null;
}

export interface NotStartedMessage {
  readonly code: NotStartedCode;
  readonly message: string;
}

const limitNames = [
  'timeoutMs',
  'memoryMiB',
  'cpus',
  'pids',
  'outputBytes',
  'logBytes',
  'artifactBytes',
  'hostCalls',
] as const;

type Fields = Readonly<Record<string, unknown>>;

/** The runner trusts the api no further than this: a run message has exactly these fields, or it is refused. */
export function parseRunMessage(fields: Fields | null): RunMessage | null {
  if (fields === null) return null;
  const { callId, tenant, principal, revision, tool, argsBytes, reuse, isPatient, sessionId } = fields;
  const limits = parseLimits(fields['limits']);
  const isShort = (value: unknown): value is string =>
    typeof value === 'string' && value.length > 0 && value.length <= 512;
  if (
    !isShort(callId) ||
    !isCallId(callId) ||
    !isShort(tenant) ||
    !isShort(principal) ||
    !isShort(revision) ||
    !isShort(tool)
  )
    return null;
  if (limits === null || typeof argsBytes !== 'number' || !Number.isInteger(argsBytes)) return null;
  if (argsBytes < 0 || argsBytes > argsBytesMax) return null;
  if (reuse !== undefined && reuse !== 'never') return null;
  if (isPatient !== undefined && isPatient !== true) return null;
  if (sessionId !== undefined && !isShort(sessionId)) return null;
  const files = fields['files'] === undefined ? undefined : parseFiles(fields['files']);
  if (files === null) return null;
  const run = { callId, tenant, principal, revision, tool, limits, argsBytes };
  return {
    ...run,
    ...(reuse !== undefined && { reuse }),
    ...(isPatient !== undefined && { isPatient }),
    ...(sessionId !== undefined && { sessionId }),
    ...(files !== undefined && { files }),
  };
}

function parseFiles(value: unknown): NonNullable<RunMessage['files']> | null {
  if (!Array.isArray(value) || value.length > runFilesMax) return null;
  const files: { id: string; sizeBytes: number }[] = [];
  let bytes = 0;
  for (const entry of value as unknown[]) {
    const { id, sizeBytes } = (typeof entry === 'object' && entry !== null ? entry : {}) as Fields;
    if (typeof id !== 'string' || id.length > 64) return null;
    if (typeof sizeBytes !== 'number' || !Number.isInteger(sizeBytes) || sizeBytes < 0) return null;
    bytes += sizeBytes;
    files.push({ id, sizeBytes });
  }
  return bytes > runFilesBytesMax ? null : files;
}

function parseLimits(value: unknown): Limits | null {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Fields;
  const limits: Record<string, number> = {};
  for (const name of limitNames) {
    const limit = fields[name];
    if (typeof limit !== 'number' || !Number.isFinite(limit) || limit < 0) return null;
    limits[name] = limit;
  }
  return limits as unknown as Limits;
}

/** The smaller of each: whatever the api asks for, the tool's own limits hold. */
export function clampLimits(asked: Limits, own: Limits): Limits {
  return Object.fromEntries(
    limitNames.map((name) => [name, Math.min(asked[name], own[name])]),
  ) as unknown as Limits;
}

/** Cuts free text so that its control frame stays under the payload cap. */
export function capText(text: string, charsMax: number): string {
  return text.length <= charsMax
    ? text
    : `${text.slice(0, charsMax)}… (${text.length - charsMax} characters cut)`;
}
