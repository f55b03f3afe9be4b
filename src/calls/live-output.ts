/**
 * What a running call prints, where its Boundary profiles say `stream: live`: the one thing that leaves before the
 * outcome is durable. Only what the filter lets go is kept here; the outcome then says how much that was.
 * Hostile: every byte. The filter fails closed: once it blocks, nothing leaves any more.
 */
import type { StreamEnd, StreamFilter } from '../boundary/stream/stream-filter.ts';
import type { BegunCall } from './begin-call.ts';
import type { CallContext } from './call-context.ts';
import { boundaryProfiles } from './check-arguments.ts';
import type { RunningCall } from './running-calls.ts';

export type PrintStream = 'stdout' | 'stderr';

/** Text that whoever may see the call may read. */
export type LivePrints = Readonly<Record<PrintStream, string>>;

export interface LiveOutputOptions {
  readonly filters: Readonly<Record<PrintStream, StreamFilter>>;
  /** More has left. */
  readonly onText: () => void;
  /** Nothing leaves any more: the call should be ended. Told once. */
  readonly onBlocked: () => void;
}

export class LiveOutput {
  readonly #options: LiveOutputOptions;
  readonly #prints: Record<PrintStream, string> = { stdout: '', stderr: '' };
  #isBlocked = false;

  constructor(options: LiveOutputOptions) {
    this.#options = options;
  }

  /** What has left so far. */
  get prints(): LivePrints {
    return { ...this.#prints };
  }

  take(stream: PrintStream, data: Uint8Array): void {
    if (this.#isBlocked) return;
    const { filters, onBlocked, onText } = this.#options;
    const text = filters[stream].push(data);
    this.#isBlocked = filters[stream].blocked;
    if (this.#isBlocked) return onBlocked();
    if (text === '') return;
    this.#prints[stream] += text;
    onText();
  }

  /** Both streams to their ends, what has left included. Once. */
  end(): Readonly<Record<PrintStream, StreamEnd>> {
    return { stdout: this.#endOf('stdout'), stderr: this.#endOf('stderr') };
  }

  #endOf(stream: PrintStream): StreamEnd {
    const end = this.#options.filters[stream].end();
    return { ...end, text: this.#prints[stream] + end.text };
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
  const { boundary } = context;
  const filters = {
    stdout: boundary.filterStream('stdout', profiles),
    stderr: boundary.filterStream('stderr', profiles),
  };
  const live = new LiveOutput({
    filters,
    onText: () => running.progressed(),
    onBlocked: () => running.end(),
  });
  running.show(live);
  return live;
}
