/** The life of a call in a container that is ready for it: request in, frames out, and an end in any case. */
import { CallTurn, longLookMs } from '../call-turn.ts';
import { Lost } from '../executor.ts';
import type { ContainerProfile, ExitReason } from '../executor.ts';
import type { RuntimeReport } from '../../model/call.ts';
import { payloadBytesMax } from '../protocol/frame.ts';
import type { CallOutput } from './call-output.ts';
import { concludeEnd, crashed, failed } from './exit.ts';
import type { Conclusion } from './exit.ts';
import type { ResourceUsage } from './resource-usage.ts';
import type { Sandbox } from './sandbox.ts';

/** Beyond it a timer of Node fires at once. */
const timerMsMax = 2 ** 31 - 1;

/** What a tenant takes of the processor. */
export interface TenantCpu {
  /** Took far more than others lately. */
  readonly isBehind: () => boolean;
  readonly note: (ms: number) => void;
}

export interface ClaimedCall {
  readonly profile: ContainerProfile;
  /** What the harness is sent. */
  readonly frames: Iterable<Uint8Array>;
  /** What the container had used before this call. */
  readonly before: Pick<ResourceUsage, 'cpuMs' | 'oomKills'>;
  readonly output: CallOutput;
  readonly sandbox: Sandbox;
  readonly runtime: RuntimeReport;
  /** Aborted: the call is cancelled. */
  readonly stop: AbortSignal;
  readonly clock: { now(): number };
  /** Missing: the call keeps its weight for the processor. */
  readonly cpu?: TenantCpu;
  /** Told before anybody else hears of the end. */
  readonly onEnded?: (ending: CallEnding) => void;
}

export interface CallEnding {
  readonly reason: ExitReason;
  /** The container is alive and ready for the next call of its session. */
  readonly goesOn: boolean;
  readonly used: ResourceUsage;
}

type Interruption = { readonly kind: 'timed_out' | 'cancelled' | 'closed' };
type CallEnd = Awaited<CallOutput['end']> | Interruption;

/** Pushes the call's frames from `started` to `exit`. Throws Lost when the container was lost on the way. */
export async function serveCall(call: ClaimedCall): Promise<void> {
  const { output, sandbox, profile, clock } = call;
  const claimedAtMs = clock.now();
  output.queue.push({ type: 'started', runtime: call.runtime });
  sandbox.listen(output);
  sandbox.send(call.frames).catch((error: unknown) => output.fail(String(error)));
  const end = await endOf(call);
  const wallMs = clock.now() - claimedAtMs;
  output.stop();
  const used = await sandbox.usage();
  if (end.kind !== 'ended' && end.kind !== 'closed') await sandbox.kill();
  const conclusion = await conclude(call, end, used);
  const goesOn = end.kind === 'ended' && end.child.goesOn;
  call.onEnded?.({ reason: conclusion.reason, goesOn, used });
  const result = conclusion.result ?? new Uint8Array();
  for (let at = 0; at < result.length; at += payloadBytesMax) {
    output.queue.push({ type: 'result', data: result.subarray(at, at + payloadBytesMax) });
  }
  output.queue.push({
    type: 'usage',
    wallMs,
    cpuMs: Math.max(0, Math.ceil(used.cpuMs - call.before.cpuMs)),
    memoryPeakBytes: Math.min(used.memoryPeakBytes, profile.limits.memoryMiB * 1024 * 1024),
    outputBytes: result.length + output.logBytes,
    truncated: output.truncated,
  });
  output.queue.push({ type: 'exit', reason: conclusion.reason, error: conclusion.error });
}

/**
 * A call that takes the processor for long leaves it to others from then on. What was taken until the first look is the
 * container's own start, or of an earlier call. Answers how to stop looking.
 */
function stepBackWhenLong({ cpu, sandbox }: ClaimedCall): () => void {
  if (cpu === undefined || !sandbox.hasCpuWeight) return () => {};
  sandbox.weigh(cpu.isBehind() ? 'spare' : 'short');
  let isOver = false;
  let isLooking = false;
  let turn: CallTurn | null = null;
  let toldMs = 0;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const { cpuMs } = await sandbox.usage();
    isLooking = false;
    // Of a container that is gone nothing is known.
    if (isOver || cpuMs < toldMs) return;
    const look = { atMs: performance.now(), cpuMs };
    if (turn === null) turn = new CallTurn(look);
    else cpu.note(cpuMs - toldMs);
    toldMs = cpuMs;
    sandbox.weigh(turn.next(look, cpu.isBehind()));
  };
  const timer = setInterval(() => void look(), longLookMs);
  return () => {
    isOver = true;
    clearInterval(timer);
    // To come to its end, it needs the processor like any other.
    sandbox.weigh('short');
  };
}

/** Whatever comes first: the harness's end, a broken rule, the deadline, a cancel, the end of the stream. */
async function endOf(call: ClaimedCall): Promise<CallEnd> {
  const { output, sandbox, profile, stop } = call;
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<Interruption>();
  const onStop = (): void => interrupt({ kind: 'cancelled' });
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  const timer = setTimeout(
    () => interrupt({ kind: 'timed_out' }),
    Math.min(profile.limits.timeoutMs, timerMsMax),
  );
  const closed = sandbox.closed.then((): Interruption => ({ kind: 'closed' }));
  const stopLooking = stepBackWhenLong(call);
  try {
    return await Promise.race([output.end, interrupted, closed]);
  } finally {
    stopLooking();
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}

async function conclude(call: ClaimedCall, end: CallEnd, used: ResourceUsage): Promise<Conclusion> {
  switch (end.kind) {
    case 'timed_out':
    case 'cancelled':
    case 'output_limit':
      return failed(end.kind, null);
    case 'fault':
      return crashed(`the harness broke its protocol: ${end.message}`);
    case 'closed':
      return await concludeClosed(call);
    case 'ended': {
      const { output, profile, sandbox } = call;
      const wasMemoryExhausted =
        used.oomKills === null ? await sandbox.wasOomKilled() : used.oomKills > (call.before.oomKills ?? 0);
      return concludeEnd({
        entry: profile.image.entry,
        child: end.child,
        wasMemoryExhausted,
        stderrTail: output.stderrTail,
        answer: output.result,
        outputBytesMax: profile.limits.outputBytes,
      });
    }
    default:
      return end satisfies never;
  }
}

/** The stream ended without a word of the supervisor. */
async function concludeClosed({ sandbox }: ClaimedCall): Promise<Conclusion> {
  const ended = await sandbox.ended();
  if (ended === null) {
    await sandbox.kill();
    throw new Lost('the container engine was lost in the middle of the call');
  }
  if (ended.oomKilled) return failed('out_of_memory', null);
  return crashed(sandbox.complaint || `the container ended with exit status ${ended.exitCode}`);
}
