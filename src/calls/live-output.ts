/**
 * What a running call prints, where its Boundary profiles say `stream: live`: the one thing that leaves before the
 * outcome is durable. Only what the filter lets go is kept here; the outcome then says how much that was.
 * Hostile: every byte. The filter fails closed: once it blocks, nothing leaves any more.
 */
import type { StreamEnd } from '../boundary/stream/stream-filter.ts';
import type { Released } from '../boundary/threads/protocol.ts';
import type { ThreadedStream } from '../boundary/threads/threaded-stream.ts';
import type { BegunCall } from './begin-call.ts';
import type { CallContext } from './call-context.ts';
import { boundaryProfiles } from './check-arguments.ts';
import type { RunningCall } from './running-calls.ts';

export type PrintStream = 'stdout' | 'stderr';

/** Text that whoever may see the call may read. */
export type LivePrints = Readonly<Record<PrintStream, string>>;

export interface LiveOutputOptions {
  readonly openFilter: (name: PrintStream, onReleased: (released: Released) => void) => ThreadedStream;
  /** More has left. */
  readonly onText: () => void;
  /** Nothing leaves any more: the call should be ended. Told once. */
  readonly onBlocked: () => void;
}

export class LiveOutput implements Disposable {
  readonly #options: LiveOutputOptions;
  readonly #filters: Readonly<Record<PrintStream, ThreadedStream>>;
  readonly #prints: Record<PrintStream, string> = { stdout: '', stderr: '' };
  /** What came out of the filter once nothing may leave early any more. */
  readonly #rest: Record<PrintStream, string> = { stdout: '', stderr: '' };
  #isBlocked = false;
  #isClosed = false;
  #ends: Promise<Readonly<Record<PrintStream, StreamEnd>>> | null = null;

  constructor(options: LiveOutputOptions) {
    this.#options = options;
    const open = (stream: PrintStream): ThreadedStream =>
      options.openFilter(stream, (released) => this.#release(stream, released));
    this.#filters = { stdout: open('stdout'), stderr: open('stderr') };
  }

  /** What has left so far. */
  get prints(): LivePrints {
    return { ...this.#prints };
  }

  take(stream: PrintStream, data: Uint8Array): void {
    if (!this.#isBlocked) this.#filters[stream].push(data);
  }

  /** Nothing more leaves early: what has left is now what has left before the outcome. */
  close(): LivePrints {
    this.#isClosed = true;
    return this.prints;
  }

  /** Both streams to their ends, what has left included. The same, however often it is asked for. */
  end(): Promise<Readonly<Record<PrintStream, StreamEnd>>> {
    this.#ends ??= this.#toEnds();
    return this.#ends;
  }

  async #toEnds(): Promise<Readonly<Record<PrintStream, StreamEnd>>> {
    const [stdout, stderr] = await Promise.all([this.#endOf('stdout'), this.#endOf('stderr')]);
    return { stdout, stderr };
  }

  /** A call that is lost ends its streams too: their threads hold them until then. */
  [Symbol.dispose](): void {
    this.close();
    void this.end();
  }

  #release(stream: PrintStream, { text, blocked }: Released): void {
    if (this.#isBlocked) return;
    const { onBlocked, onText } = this.#options;
    this.#isBlocked = blocked;
    if (this.#isClosed) this.#rest[stream] += text;
    else if (blocked) onBlocked();
    else if (text !== '') {
      this.#prints[stream] += text;
      onText();
    }
  }

  async #endOf(stream: PrintStream): Promise<StreamEnd> {
    const end = await this.#filters[stream].end();
    return { ...end, text: this.#prints[stream] + this.#rest[stream] + end.text };
  }
}

/** null where prints wait for the outcome: one profile that buffers is enough. */
export function openLiveOutput(
  context: CallContext,
  begun: BegunCall,
  running: RunningCall,
): LiveOutput | null {
  const profiles = boundaryProfiles(begun.revision, begun.decided);
  if (profiles.length === 0 || profiles.some(({ stream }) => stream !== 'live')) return null;
  const live = new LiveOutput({
    openFilter: (name, onReleased) =>
      context.filter.filterStream(name, profiles, onReleased, begun.caller.principal.tenant),
    onText: () => running.progressed(),
    onBlocked: () => running.end(),
  });
  running.show(live);
  return live;
}
