/**
 * What a runner says in control frames, from JSON to its types. A runner may have been taken over: every field is checked
 * and its words come from closed lists where there is one, so that none of them carries what the boundary has not seen.
 */
import { isContainerConfinement, isIsolateConfinement } from '../../model/confinement.ts';
import type { RuntimeReport, Truncation } from '../../model/call.ts';
import { sessionEndReasons } from '../../model/session.ts';
import type { SessionEndReason } from '../../model/session.ts';
import { exitReasons, notStartedCodes } from '../executor.ts';
import type { ExitMessage, Hello, NotStartedMessage, UsageMessage } from './messages.ts';

type Fields = Readonly<Record<string, unknown>>;

const errorNameCharsMax = 300;
/** The runner cuts at 4,000 and says how much it cut. */
export const errorTextCharsMax = 4_100;
const imagePattern = /^sha256:[0-9a-f]{64}$/;
const truncatedStreams: ReadonlySet<unknown> = new Set(['stdout', 'stderr', 'artifacts']);

/** Empty: none. */
const revisionPattern = /^[a-z0-9:]{0,80}$/;

/** Each of these is null when the message is not one that a runner sends. */
export function parseRuntime(value: unknown): RuntimeReport | null {
  const { kind, confinement, image, warm } = fieldsOf(value);
  if (typeof confinement !== 'string' || typeof warm !== 'boolean') return null;
  if (image !== null && !(typeof image === 'string' && imagePattern.test(image))) return null;
  if (kind === 'isolate' && isIsolateConfinement(confinement)) return { kind, confinement, image, warm };
  if (kind === 'container' && isContainerConfinement(confinement)) return { kind, confinement, image, warm };
  return null;
}

/** Clocks can be set back, and what a sandbox says of itself is anything: amounts are cut to what can be. */
export function parseUsage(value: unknown): UsageMessage | null {
  const fields = fieldsOf(value);
  const { truncated } = fields;
  const amounts = amountsOf(fields, ['wallMs', 'cpuMs', 'memoryPeakBytes', 'outputBytes']);
  if (amounts === null || !Array.isArray(truncated) || truncated.length > truncatedStreams.size) return null;
  const cuts = (truncated as unknown[]).map(parseTruncation);
  return cuts.includes(null) ? null : { ...amounts, truncated: cuts.filter((cut) => cut !== null) };
}

export function parseExit(value: unknown): ExitMessage | null {
  const { reason, error } = fieldsOf(value);
  const known = exitReasons.find((candidate) => candidate === reason);
  if (known === undefined) return null;
  if (error === null) return { reason: known, error: null };
  const { name, message, stack } = fieldsOf(error);
  if (!isText(name, errorNameCharsMax) || !isText(message, errorTextCharsMax)) return null;
  if (stack === undefined) return { reason: known, error: { name, message } };
  return isText(stack, errorTextCharsMax) ? { reason: known, error: { name, message, stack } } : null;
}

export function parseNotStarted(value: unknown): NotStartedMessage | null {
  const { code, message } = fieldsOf(value);
  const known = notStartedCodes.find((candidate) => candidate === code);
  return known !== undefined && isText(message, errorTextCharsMax) ? { code: known, message } : null;
}

export function parseHello(value: unknown): Hello | null {
  const { protocol, revision } = fieldsOf(value);
  if (typeof revision !== 'string' || !revisionPattern.test(revision)) return null;
  return isAmount(protocol) ? { protocol, revision } : null;
}

export function parseSessionEnded(value: unknown): { sessionId: string; reason: SessionEndReason } | null {
  const { sessionId, reason } = fieldsOf(value);
  const known = sessionEndReasons.find((candidate) => candidate === reason);
  return known !== undefined && isText(sessionId, 64) ? { sessionId, reason: known } : null;
}

function parseTruncation(value: unknown): Truncation | null {
  const fields = fieldsOf(value);
  const { stream } = fields;
  const amounts = amountsOf(fields, ['keptBytes', 'droppedBytes']);
  if (typeof stream !== 'string' || !truncatedStreams.has(stream) || amounts === null) return null;
  return { stream, ...amounts };
}

/** Null when one of them is no number. Quotas are settled with them: nothing negative, nothing that sums up to Infinity. */
export function amountsOf<K extends string>(fields: Fields, names: readonly K[]): Record<K, number> | null {
  const amounts: Partial<Record<K, number>> = {};
  for (const name of names) {
    const amount = fields[name];
    if (typeof amount !== 'number') return null;
    amounts[name] = Math.min(Math.max(0, amount), Number.MAX_SAFE_INTEGER);
  }
  return amounts as Record<K, number>;
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function isText(value: unknown, charsMax: number): value is string {
  return typeof value === 'string' && value.length <= charsMax;
}

export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}
