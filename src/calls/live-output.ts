/**
 * What a running call prints, where its Boundary profiles say `stream: live`: the one thing that leaves before the
 * outcome is durable. Only what the filter lets go is kept here; the outcome then says how much that was. What it leaves
 * its reader with is set before it leaves.
 * Hostile: every byte. The filter fails closed: once it blocks, nothing leaves any more.
 */
import type { StreamEnd } from '../boundary/stream/stream-filter.ts';
import { taintsOf } from '../boundary/taints.ts';
import type { Released } from '../boundary/threads/protocol.ts';
import type { ThreadedStream } from '../boundary/threads/threaded-stream.ts';
import type { BegunCall } from './begin-call.ts';
import { callEvent } from './begin-call.ts';
import type { CallContext } from './call-context.ts';
import { boundaryProfiles } from './check-arguments.ts';
import type { RunningCall } from './running-calls.ts';
import { taintDetails, taintsToSet } from './taint-ledger.ts';

export type PrintStream = 'stdout' | 'stderr';

/** Text that whoever may see the call may read. */
export type LivePrints = Readonly<Record<PrintStream, string>>;

export interface LiveOutputOptions {
  readonly openFilter: (name: PrintStream, onReleased: (released: Released) => void) => ThreadedStream;
  /**
   * Sets what these findings leave the caller with; resolves once that is durable. null: nothing that was not set before.
   * Where it cannot be set, nothing more leaves before the outcome.
   */
  readonly taint: (detectors: readonly string[]) => Promise<void> | null;
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
  /** What waits for a taint to be durable, in order. */
  #tainting: Promise<void> | null = null;
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

  #release(stream: PrintStream, released: Released): void {
    if (this.#isBlocked) return;
    this.#isBlocked = released.blocked;
    const taint = released.detectors.length === 0 ? null : this.#options.taint(released.detectors);
    if (taint === null && this.#tainting === null) this.#show(stream, released);
    else this.#tainting = this.#showAfter(taint, this.#tainting, stream, released);
  }

  async #showAfter(
    taint: Promise<void> | null,
    earlier: Promise<void> | null,
    stream: PrintStream,
    released: Released,
  ): Promise<void> {
    const [set] = await Promise.allSettled([taint, earlier]);
    if (set.status === 'rejected') this.close();
    this.#show(stream, released);
  }

  #show(stream: PrintStream, { text, blocked }: Released): void {
    const { onBlocked, onText } = this.#options;
    if (this.#isClosed) this.#rest[stream] += text;
    else if (blocked) onBlocked();
    else if (text !== '') {
      this.#prints[stream] += text;
      onText();
    }
  }

  async #endOf(stream: PrintStream): Promise<StreamEnd> {
    const end = await this.#filters[stream].end();
    await this.#tainting;
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
  const set = new Set<string>();
  const live = new LiveOutput({
    taint: (detectors) => {
      const found = detectors.map((detector) => ({ detector }));
      const names = taintsOf(found, profiles).filter((name) => !set.has(name));
      for (const name of names) set.add(name);
      return names.length === 0 ? null : taintAtOnce(context, begun, names);
    },
    openFilter: (name, onReleased) =>
      context.filter.filterStream(name, profiles, onReleased, begun.caller.principal.tenant),
    onText: () => running.progressed(),
    onBlocked: () => running.end(),
  });
  running.show(live);
  return live;
}

/** As with the outcome, which comes too late for whoever reads prints while the call runs. */
async function taintAtOnce(context: CallContext, begun: BegunCall, names: readonly string[]): Promise<void> {
  const { caller, request } = begun;
  const taints = taintsToSet(context, caller.principal, request.session, names);
  const event = { type: 'tainted', ...callEvent(begun), details: taintDetails(taints) } as const;
  await context.record.write({ events: [event], taints });
}
