/**
 * The host's side of everything that a guest can ask for, for one call.
 * Hostile: every argument. The guest may have got hold of the callback itself, so each operation checks types,
 * sizes and budgets here, and nothing throws into the isolate: a refusal is `undefined`.
 */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { guestErrorOf } from './guest-error.ts';
import type { DroppedBytes, GuestOutcome, RunMessage } from './messages.ts';
import { TimerQueue } from './timer-queue.ts';
import { urlPartsOf } from './url-parts.ts';

/** Most bytes of `crypto.getRandomValues` at once (Web Cryptography, 10.1.1). */
const randomBytesMax = 65_536;
/** Longest text of one console call that is looked at, characters; what lies beyond counts as dropped. */
const logCharsMax = 1024 * 1024;

export interface GuestHostOptions {
  readonly limits: RunMessage;
  /** The input, JSON. */
  readonly input: string;
  /** Source texts of the parts of the guest's globals. */
  readonly sources: ReadonlyMap<string, string>;
  readonly writeLog: (stream: 'stdout' | 'stderr', data: Buffer) => void;
}

type Answer = string | number | undefined;

export class GuestHost {
  readonly timers = new TimerQueue();
  readonly #options: GuestHostOptions;
  readonly #dropped = { stdout: 0, stderr: 0 };
  readonly #startedAtMs = performance.now();
  #callsLeft: number;
  #logBytesLeft: number;
  #outcome: GuestOutcome | null = null;
  #result: Buffer | null = null;

  constructor(options: GuestHostOptions) {
    this.#options = options;
    this.#callsLeft = options.limits.hostCalls;
    this.#logBytesLeft = options.limits.logBytes;
  }

  /** Set once: the first outcome stands, whatever the guest reports later. */
  get outcome(): GuestOutcome | null {
    return this.#outcome;
  }
  /** The result as JSON text, when the guest returned. */
  get result(): Buffer | null {
    return this.#result;
  }
  get dropped(): DroppedBytes {
    return this.#dropped;
  }

  get grantsWebAssembly(): boolean {
    return this.#options.limits.webAssembly;
  }

  settle(outcome: GuestOutcome): void {
    this.#outcome ??= outcome;
  }

  call(operation: unknown, values: readonly unknown[]): Answer {
    switch (operation) {
      case 'input':
        return this.#options.input;
      case 'resultLengthMax':
        return this.#options.limits.outputBytes;
      case 'source':
        return this.#options.sources.get(textAt(values, 0));
      case 'dueTimer':
        return this.timers.takeDue() ?? undefined;
      case 'returned':
        return this.#takeResult(values[0]);
      case 'threw':
        this.settle({
          kind: 'threw',
          error: guestErrorOf(textAt(values, 0), textAt(values, 1), textAt(values, 2)),
        });
        return 0;
      case 'oversized':
        this.settle({ kind: 'output_limit' });
        return 0;
      default:
        return this.#callCounted(operation, values);
    }
  }

  /** What the call's budget of host functions pays for. */
  #callCounted(operation: unknown, values: readonly unknown[]): Answer {
    if (this.#callsLeft <= 0) return undefined;
    this.#callsLeft -= 1;
    switch (operation) {
      case 'stdout':
      case 'stderr':
        return this.#log(operation, textAt(values, 0));
      case 'timer':
        return this.timers.add(numberAt(values, 0), values[1] === 1) ?? undefined;
      case 'clearTimer':
        this.timers.clear(numberAt(values, 0));
        return 0;
      case 'now':
        return Math.round((performance.now() - this.#startedAtMs) * 1000) / 1000;
      case 'random':
        return randomText(numberAt(values, 0));
      case 'url':
        return urlPartsOf(textAt(values, 0), textAt(values, 1), textAt(values, 2), textAt(values, 3));
      default:
        return undefined;
    }
  }

  #takeResult(json: unknown): Answer {
    if (this.#outcome !== null || typeof json !== 'string') return undefined;
    const { outputBytes } = this.#options.limits;
    if (json.length > outputBytes || Buffer.byteLength(json) > outputBytes)
      this.settle({ kind: 'output_limit' });
    else {
      this.#result = Buffer.from(json);
      this.settle({ kind: 'returned' });
    }
    return 0;
  }

  #log(stream: 'stdout' | 'stderr', text: string): Answer {
    const data = Buffer.from(text.length <= logCharsMax ? text : text.slice(0, logCharsMax));
    const beyond = text.length <= logCharsMax ? 0 : Buffer.byteLength(text) - data.length;
    const kept =
      data.length <= this.#logBytesLeft ? data : data.subarray(0, wholeCharacters(data, this.#logBytesLeft));
    // Once something was cut, nothing shorter may follow and pass for the rest.
    this.#logBytesLeft = kept.length < data.length || beyond > 0 ? 0 : this.#logBytesLeft - kept.length;
    this.#dropped[stream] += data.length - kept.length + beyond;
    if (kept.length > 0) this.#options.writeLog(stream, kept);
    return 0;
  }
}

function textAt(values: readonly unknown[], at: number): string {
  const value = values[at];
  return typeof value === 'string' ? value : '';
}

function numberAt(values: readonly unknown[], at: number): number {
  const value = values[at];
  return typeof value === 'number' ? value : 0;
}

function randomText(length: number): string | undefined {
  if (!(length >= 0 && length <= randomBytesMax)) return undefined;
  return randomBytes(length).toString('latin1');
}

/** The longest prefix of at most `limit` bytes that does not end inside a UTF-8 character. */
function wholeCharacters(data: Buffer, limit: number): number {
  let end = limit;
  while (end > 0 && ((data[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}
