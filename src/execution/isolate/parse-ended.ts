/** The worker's last word on a call, from hostile JSON to its type. */
import { errorNameCharsMax, errorTextCharsMax } from './worker/messages.ts';
import type { EndedMessage, GuestError, GuestOutcome } from './worker/messages.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Null when it is not what a worker says. */
export function parseEnded(payload: Fields | null): EndedMessage | null {
  const outcome = parseOutcome(fieldsOf(payload?.['outcome']));
  const dropped = fieldsOf(payload?.['dropped']);
  if (payload === null || outcome === null || dropped === null) return null;
  const { stdout, stderr } = dropped;
  const { cpuMs, memoryBytes } = payload;
  if (!isCount(stdout) || !isCount(stderr) || !isAmount(cpuMs) || !isAmount(memoryBytes)) return null;
  return { outcome, dropped: { stdout, stderr }, cpuMs, memoryBytes };
}

function parseOutcome(outcome: Fields | null): GuestOutcome | null {
  switch (outcome?.['kind']) {
    case 'returned':
    case 'output_limit':
    case 'out_of_memory':
      return { kind: outcome['kind'] };
    case 'threw': {
      const error = parseError(fieldsOf(outcome['error']));
      return error === null ? null : { kind: 'threw', error };
    }
    default:
      return null;
  }
}

function parseError(error: Fields | null): GuestError | null {
  if (error === null) return null;
  const { name, message, stack } = error;
  if (!isText(name, errorNameCharsMax) || !isText(message, errorTextCharsMax)) return null;
  if (stack === undefined) return { name, message };
  return isText(stack, errorTextCharsMax) ? { name, message, stack } : null;
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === 'string' && value.length <= charsMax;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
