/** Runs one call of a sandbox executor and gathers all that it yields. */
import type { ExecutionFrame, SandboxExecutor, SandboxProfile } from '../../src/execution/executor.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Limits } from '../../src/model/limits.ts';

export interface RunOptions {
  readonly profile: SandboxProfile;
  readonly args: JsonObject;
  readonly limits: Limits;
  readonly tenant?: string;
  readonly principal?: string;
  readonly signal?: AbortSignal;
  readonly onFrame?: (frame: ExecutionFrame) => unknown;
  /** Stops reading after this frame. */
  readonly leaveAt?: (frame: ExecutionFrame) => boolean;
}

type FrameOf<Type extends ExecutionFrame['type']> = Extract<ExecutionFrame, { type: Type }>;

export interface CollectedRun {
  readonly frames: readonly ExecutionFrame[];
  readonly stdout: string;
  readonly stderr: string;
  readonly result: string;
  readonly usage: FrameOf<'usage'>;
  readonly exit: FrameOf<'exit'>;
}

export async function collectRun(executor: SandboxExecutor, options: RunOptions): Promise<CollectedRun> {
  const { args, leaveAt, limits, onFrame, profile, signal } = options;
  const request = {
    callId: 'call_1',
    tenant: options.tenant ?? 'acme',
    principal: options.principal ?? 'alice',
    revision: 'r1',
    tool: profile.tool,
    limits,
    args: Buffer.from(JSON.stringify(args)),
    profile,
  };
  const frames: ExecutionFrame[] = [];
  for await (const frame of executor.run(request, signal ?? new AbortController().signal)) {
    frames.push(frame);
    onFrame?.(frame);
    if (leaveAt?.(frame) === true) break;
  }
  return {
    frames,
    stdout: textOf(frames, 'stdout'),
    stderr: textOf(frames, 'stderr'),
    result: textOf(frames, 'result'),
    usage: frames.find((frame) => frame.type === 'usage') ?? noUsage,
    exit: frames.find((frame) => frame.type === 'exit') ?? noExit,
  };
}

const noUsage: FrameOf<'usage'> = {
  type: 'usage',
  wallMs: -1,
  cpuMs: -1,
  memoryPeakBytes: -1,
  outputBytes: -1,
  truncated: [],
};
const noExit: FrameOf<'exit'> = {
  type: 'exit',
  reason: 'crashed',
  error: { name: 'NoExit', message: 'none came' },
};

function textOf(frames: readonly ExecutionFrame[], type: 'stdout' | 'stderr' | 'result'): string {
  const chunks = frames.flatMap((frame) => (frame.type === type ? [frame.data] : []));
  return Buffer.concat(chunks).toString('utf8');
}
