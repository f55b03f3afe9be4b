/** Runs one call on the executor and gathers what it yields, under the call's own caps. */
import { ByteBuffer } from '../execution/protocol/byte-buffer.ts';
import { Lost, NotStarted } from '../execution/executor.ts';
import type { ExecutionFrame, ExecutionRequest, Executor } from '../execution/executor.ts';
import type { RuntimeReport } from '../model/call.ts';
import type { LiveOutput } from './live-output.ts';

type UsageFrame = Extract<ExecutionFrame, { type: 'usage' }>;
type ExitFrame = Extract<ExecutionFrame, { type: 'exit' }>;

/** Everything that a run yielded. The bytes are hostile until the boundary has filtered them. */
export interface RunResult {
  readonly runtime: RuntimeReport | null;
  /** From the request to the runner until its code could begin: its queue, and a start that was cold. */
  readonly startedAfterMs: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly result: Uint8Array;
  readonly artifacts: readonly { readonly name: string; readonly data: Uint8Array }[];
  readonly usage: UsageFrame | null;
  readonly exit: ExitFrame;
}

export type Run =
  | { readonly kind: 'ended'; readonly run: RunResult }
  /** Provably nothing ran. */
  | { readonly kind: 'not_started'; readonly error: NotStarted }
  /** It may have run; we do not know. */
  | { readonly kind: 'lost'; readonly error: Error };

/** `live` is shown what the call prints, as it comes. */
export async function runCall(
  executor: Executor,
  request: ExecutionRequest,
  signal: AbortSignal,
  live: Pick<LiveOutput, 'take'> | null,
): Promise<Run> {
  const askedAt = performance.now();
  const gathered = {
    runtime: null as RuntimeReport | null,
    startedAfterMs: 0,
    // In one piece each: a million prints of one byte are a megabyte.
    stdout: new ByteBuffer(),
    stderr: new ByteBuffer(),
    result: new ByteBuffer(),
    artifacts: [] as { name: string; data: Uint8Array }[],
    usage: null as UsageFrame | null,
  };
  let exit: ExitFrame | null = null;
  try {
    for await (const frame of executor.run(request, signal)) {
      switch (frame.type) {
        case 'started':
          gathered.runtime = frame.runtime;
          gathered.startedAfterMs = performance.now() - askedAt;
          break;
        case 'stdout':
        case 'stderr':
          gathered[frame.type].append(frame.data);
          live?.take(frame.type, frame.data);
          break;
        case 'result':
          gathered.result.append(frame.data);
          break;
        case 'artifact':
          gathered.artifacts.push({ name: frame.name, data: frame.data });
          break;
        case 'usage':
          gathered.usage = frame;
          break;
        case 'exit':
          exit = frame;
          break;
      }
    }
  } catch (error) {
    if (error instanceof NotStarted && gathered.runtime === null) return { kind: 'not_started', error };
    return { kind: 'lost', error: error instanceof Error ? error : new Lost(String(error)) };
  }
  if (exit === null) return { kind: 'lost', error: new Lost('the run ended without an exit frame') };
  const { stdout, stderr, result, ...rest } = gathered;
  return {
    kind: 'ended',
    run: {
      ...rest,
      stdout: stdout.bytes,
      stderr: stderr.bytes,
      result: result.bytes,
      exit,
    },
  };
}
