/** How a runner says that it is, from JSON to its type. It may have been taken over: shapes and counts are checked, texts are cut. */
import { isContainerConfinement, isIsolateConfinement } from '../../model/confinement.ts';
import { orphansMax } from '../executor.ts';
import type { ExecutorHealth, PoolReport, WorkersReport } from '../executor.ts';
import type { RunnerHealth } from './messages.ts';
import { amountsOf, fieldsOf, isText } from './parse-answers.ts';

const executorsMax = 8;
const poolsMax = 1024;
const guardsMax = 64;
const reasonCharsMax = 4_000;
const guardCharsMax = 200;
const imageCharsMax = 128;
const workerCounts = ['starting', 'idle', 'busy', 'waiting', 'hits', 'misses', 'starts', 'startMs'] as const;
const poolCounts = [
  'memoryMiB',
  'size',
  'target',
  'hits',
  'misses',
  'spoiled',
  'refills',
  'refillMs',
] as const;

/** Null when it is not what a runner says. */
export function parseHealth(value: unknown): RunnerHealth | null {
  const fields = fieldsOf(value);
  const executors = listOf(fields['executors'], executorsMax, parseExecutor);
  // A runner of the version before says nothing of them.
  const orphans = listOf(fields['orphans'] ?? [], orphansMax, parseOrphan);
  return executors === null || orphans === null ? null : { executors, orphans };
}

/** Nothing else: it goes on the record as it is. */
function parseOrphan(value: unknown): string | null {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : null;
}

function parseExecutor(value: unknown): ExecutorHealth | null {
  const fields = fieldsOf(value);
  const { kind, state, confinement, reason } = fields;
  if (kind !== 'isolate' && kind !== 'container') return null;
  if (state !== 'ok' && state !== 'down') return null;
  if (typeof confinement !== 'string' || !isConfinement(confinement)) return null;
  if (reason !== null && typeof reason !== 'string') return null;
  const protections = optional(fields['protections'], parseGuards);
  const missing = optional(fields['missing'], parseGuards);
  const workers = optional(fields['workers'], parseWorkers);
  const pools = optional(fields['pools'], (list) => listOf(list, poolsMax, parsePool));
  if (protections === null || missing === null || workers === null || pools === null) return null;
  return {
    kind,
    state,
    confinement,
    reason: reason === null ? null : reason.slice(0, reasonCharsMax),
    ...(protections === undefined ? {} : { protections }),
    ...(missing === undefined ? {} : { missing }),
    ...(workers === undefined ? {} : { workers }),
    ...(pools === undefined ? {} : { pools }),
  };
}

function parsePool(value: unknown): PoolReport | null {
  const fields = fieldsOf(value);
  const { engineRuntime, image } = fields;
  const counts = amountsOf(fields, poolCounts);
  if (counts === null || !isText(image, imageCharsMax)) return null;
  return engineRuntime === 'runc' || engineRuntime === 'runsc' ? { image, engineRuntime, ...counts } : null;
}

function parseWorkers(value: unknown): WorkersReport | null {
  return amountsOf(fieldsOf(value), workerCounts);
}

function parseGuards(value: unknown): string[] | null {
  return listOf(value, guardsMax, (entry) =>
    typeof entry === 'string' ? entry.slice(0, guardCharsMax) : null,
  );
}

function isConfinement(text: string): boolean {
  return text === 'none' || text === 'unknown' || isIsolateConfinement(text) || isContainerConfinement(text);
}

/** Undefined stays that: the runner has nothing to say of it. */
function optional<T>(value: unknown, parse: (value: unknown) => T | null): T | null | undefined {
  return value === undefined ? undefined : parse(value);
}

function listOf<T>(value: unknown, countMax: number, parse: (entry: unknown) => T | null): T[] | null {
  if (!Array.isArray(value) || value.length > countMax) return null;
  const list: T[] = [];
  for (const entry of value as unknown[]) {
    const parsed = parse(entry);
    if (parsed === null) return null;
    list.push(parsed);
  }
  return list;
}
