import type { Limits } from '../model/limits.ts';
import type { LimitsSpec } from './documents.ts';
import { parseDurationMs, parseSizeBytes } from './quantity.ts';

const MIB = 1024 ** 2;

/** What a tool gets that says nothing. */
export const LIMIT_DEFAULTS: Limits = Object.freeze({
  timeoutMs: 10_000,
  memoryMiB: 128,
  cpus: 1,
  pids: 64,
  outputBytes: MIB,
  logBytes: MIB,
  artifactBytes: 16 * MIB,
  hostCalls: 10_000,
});

/** What no policy file may go beyond: one call must not be able to take the host with it. */
const LIMIT_CEILINGS: Limits = Object.freeze({
  timeoutMs: 15 * 60_000,
  memoryMiB: 8_192,
  cpus: 16,
  pids: 4_096,
  outputBytes: 64 * MIB,
  logBytes: 64 * MIB,
  artifactBytes: 1_024 * MIB,
  hostCalls: 1_000_000,
});

/** Below these no runtime starts. */
const LIMIT_FLOORS: Limits = Object.freeze({
  timeoutMs: 10,
  memoryMiB: 8,
  cpus: 0.05,
  pids: 1,
  outputBytes: 1,
  logBytes: 1,
  artifactBytes: 1,
  hostCalls: 1,
});

export const limitNames = Object.freeze(Object.keys(LIMIT_DEFAULTS)) as readonly (keyof Limits)[];

interface LimitField {
  readonly limit: keyof Limits;
  readonly read: (value: string | number) => number;
}

/** How each dimension is called in policy files. */
const fields: Readonly<Record<keyof LimitsSpec, LimitField>> = Object.freeze({
  timeout: { limit: 'timeoutMs', read: (value) => parseDurationMs(String(value)) },
  memory: { limit: 'memoryMiB', read: (value) => parseSizeBytes(String(value)) / MIB },
  cpus: { limit: 'cpus', read: Number },
  pids: { limit: 'pids', read: Number },
  output: { limit: 'outputBytes', read: (value) => parseSizeBytes(String(value)) },
  logs: { limit: 'logBytes', read: (value) => parseSizeBytes(String(value)) },
  artifacts: { limit: 'artifactBytes', read: (value) => parseSizeBytes(String(value)) },
  hostCalls: { limit: 'hostCalls', read: Number },
});

/** Reads a `limits` block that fits its schema. `complain` hears of each value outside what the platform allows. */
export function readLimits(
  spec: LimitsSpec | undefined,
  complain: (field: string, message: string) => void,
): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [name, value] of Object.entries(spec ?? {})) {
    const field = fields[name as keyof LimitsSpec];
    const amount = field.read(value);
    const [floor, ceiling] = [LIMIT_FLOORS[field.limit], LIMIT_CEILINGS[field.limit]];
    if (amount < floor || amount > ceiling) {
      complain(name, `${value} is out of range: ${field.limit} may be ${floor} to ${ceiling}`);
    } else if (field.limit === 'memoryMiB' && !Number.isInteger(amount)) {
      complain(name, `${value} is not a whole number of MiB`);
    }
    limits[field.limit] = amount;
  }
  return limits;
}
