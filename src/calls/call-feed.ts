/**
 * A call as a sequence of events for whoever follows it. An event's id is the place in the call that it leads up to,
 * not a number in a buffer: from any id, on any node and after any restart, the rest of the call can be told from the
 * call itself. That holds because the filter gives the same text however its input was cut.
 */
import { isOpen } from '../model/call.ts';
import type { Artifact, Call } from '../model/call.ts';

/** How much of a call a follower has been told. */
export interface FeedPosition {
  readonly isStarted: boolean;
  /** UTF-16 units of each stream. */
  readonly stdoutChars: number;
  readonly stderrChars: number;
  readonly artifacts: number;
}

export type FeedEvent = { readonly id: string } & (
  | {
      readonly type: 'started';
      readonly data: Pick<Call, 'id' | 'tool' | 'status' | 'limits' | 'startedAt'>;
    }
  | { readonly type: 'stdout' | 'stderr'; readonly data: { readonly text: string } }
  | { readonly type: 'artifact'; readonly data: Artifact }
  | { readonly type: 'finished'; readonly data: Call }
);

/** Text of one event, UTF-16 units. A longer stretch of a stream comes as several events. */
export const feedTextCharsMax = 16 * 1024;

export const feedStart: FeedPosition = { isStarted: false, stdoutChars: 0, stderrChars: 0, artifacts: 0 };

const idPattern = /^([01])\.(\d{1,10})\.(\d{1,10})\.(\d{1,5})$/;

/** From the id of an event; null for a text that is none. */
export function parseFeedId(id: string): FeedPosition | null {
  const [, started, stdoutChars, stderrChars, artifacts] = idPattern.exec(id) ?? [];
  if (started === undefined) return null;
  return {
    isStarted: started === '1',
    stdoutChars: Number(stdoutChars),
    stderrChars: Number(stderrChars),
    artifacts: Number(artifacts),
  };
}

/** What comes after `position` in the call as it stands, and whether that is the end of it. */
export function* feedAfter(call: Call, position: FeedPosition): Generator<FeedEvent, boolean, undefined> {
  let at = position;
  if (!at.isStarted && call.startedAt !== null) {
    at = { ...at, isStarted: true };
    const { id, tool, limits, startedAt } = call;
    yield { id: feedId(at), type: 'started', data: { id, tool, status: 'running', limits, startedAt } };
  }
  for (const type of ['stdout', 'stderr'] as const) {
    const chars = `${type}Chars` as const;
    for (const text of piecesAfter(call.output[type], at[chars])) {
      at = { ...at, [chars]: at[chars] + text.length };
      yield { id: feedId(at), type, data: { text } };
    }
  }
  for (const data of call.artifacts.slice(at.artifacts)) {
    at = { ...at, artifacts: at.artifacts + 1 };
    yield { id: feedId(at), type: 'artifact', data };
  }
  if (isOpen(call)) return false;
  yield { id: feedId(at), type: 'finished', data: call };
  return true;
}

function feedId({ isStarted, stdoutChars, stderrChars, artifacts }: FeedPosition): string {
  return `${isStarted ? 1 : 0}.${stdoutChars}.${stderrChars}.${artifacts}`;
}

/** Never a surrogate pair in two events. */
function* piecesAfter(text: string, start: number): Generator<string> {
  for (let from = start; from < text.length;) {
    const cut = from + feedTextCharsMax;
    const to = cut < text.length && isHighSurrogate(text.charCodeAt(cut - 1)) ? cut - 1 : cut;
    const piece = text.slice(from, to);
    yield piece;
    from += piece.length;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
