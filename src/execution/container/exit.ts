/** What became of a call, from what the runner saw of its container. Pure: the hostile parts are all in `seen`. */
import type { ExitReason } from '../executor.ts';
import type { HarnessEntry } from '../../model/tool.ts';
import type { ChildEnd } from './call-output.ts';
import { parseEnvelope } from './result-envelope.ts';
import type { GuestError } from './result-envelope.ts';

const sigabrt = 6;
const sigkill = 9;

export interface SeenEnd {
  readonly entry: HarnessEntry;
  readonly child: Pick<ChildEnd, 'code' | 'signal'>;
  /** Whether the kernel killed a process of the container for want of memory. */
  readonly wasMemoryExhausted: boolean;
  /** The end of what the code wrote to stderr. */
  readonly stderrTail: string;
  /** The harness's answer, raw. */
  readonly answer: Uint8Array;
  readonly outputBytesMax: number;
}

export interface Conclusion {
  readonly reason: ExitReason;
  readonly error: GuestError | null;
  /** JSON of the result; null unless completed. */
  readonly result: Uint8Array | null;
}

/** For a child that ended, as its supervisor reports. */
export function concludeEnd(seen: SeenEnd): Conclusion {
  if (ranOutOfMemory(seen)) return failed('out_of_memory', null);
  const { child } = seen;
  if (seen.entry === 'script') {
    const exitCode = child.signal === 0 ? child.code : 128 + child.signal;
    return completed(Buffer.from(JSON.stringify({ exitCode })), seen.outputBytesMax);
  }
  const envelope = parseEnvelope(seen.answer);
  switch (envelope.kind) {
    case 'value':
      return completed(envelope.json, seen.outputBytesMax);
    case 'error':
      return failed('threw', envelope.error);
    case 'malformed':
      return crashed(
        child.signal === 0
          ? `the process ended with exit status ${child.code} and ${envelope.reason}`
          : `the process was ended by signal ${child.signal}`,
      );
    default:
      return envelope satisfies never;
  }
}

export function crashed(message: string): Conclusion {
  return failed('crashed', { name: 'SandboxCrashed', message });
}

export function failed(reason: ExitReason, error: GuestError | null): Conclusion {
  return { reason, error, result: null };
}

/**
 * The child itself was killed while memory ran out; a shell whose last command was says 137. An interpreter that
 * aborts at a heap limit of its own says so on stderr: code that fakes it changes its own exit reason alone.
 */
function ranOutOfMemory({ child, entry, wasMemoryExhausted, stderrTail }: SeenEnd): boolean {
  if (child.signal === sigabrt) return stderrTail.includes('heap out of memory');
  const wasKilled = child.signal === sigkill || (entry === 'script' && child.code === 128 + sigkill);
  return wasKilled && wasMemoryExhausted;
}

function completed(result: Uint8Array, bytesMax: number): Conclusion {
  return result.length > bytesMax
    ? failed('output_limit', null)
    : { reason: 'completed', error: null, result };
}
