/** Starts the process of a worker: nothing inherited but its channel, and in its cgroup before it executes anything. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Duplex, Writable } from 'node:stream';
import type { WorkerCgroup, WorkerCgroups } from './cgroup/worker-cgroups.ts';
import type { LaunchedWorker } from './confinement.ts';
import { SpawnedWorker } from './spawned-worker.ts';

const shell = '/bin/sh';
/** The shell joins, then becomes the command: what some shells add to their environment does not go along. */
const join = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 1; shift; done; shift; exec /usr/bin/env -i "$@"';
const refuse = 'echo "$1" >&2; exit 1';

/** What a program finds on this descriptor, up to its end: the seccomp filter, for bubblewrap. */
export const inputDescriptor = 4;

export interface SpawnOptions {
  readonly cgroups?: WorkerCgroups;
  /** Bytes on `inputDescriptor`. */
  readonly input?: Buffer | null;
  /** Which process runs the worker, where the child is only its parent. */
  readonly workerPidOf?: (pid: number) => number | null;
}

/** A process group of its own; empty environment; descriptors 0 and 1 closed to it, 2 for its last words, 3 the channel. */
export function spawnWorker(
  command: string,
  args: readonly string[],
  { cgroups, input = null, workerPidOf }: SpawnOptions = {},
): LaunchedWorker {
  let cgroup: WorkerCgroup | null;
  try {
    cgroup = cgroups?.create() ?? null;
  } catch (error) {
    const reason = `no cgroup for a worker: ${error instanceof Error ? error.message : String(error)}`;
    return toWorker(spawnChild([shell, '-c', refuse, 'sh', reason], null), {});
  }
  const joining = cgroup === null ? [] : [shell, '-c', join, 'sh', ...cgroup.joinFiles, '--'];
  return toWorker(spawnChild([...joining, command, ...args], input), { cgroup, workerPidOf });
}

function spawnChild([command = '', ...args]: readonly string[], input: Buffer | null): ChildProcess {
  const child = spawn(command, args, {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', ...(input === null ? [] : (['pipe'] as const))],
  });
  const pipe = child.stdio[inputDescriptor];
  if (input !== null && pipe instanceof Writable) {
    // Of a child that is gone before it has read all, its exit says more than a broken pipe.
    pipe.on('error', () => {});
    pipe.end(input);
  }
  return child;
}

function toWorker(
  child: ChildProcess,
  options: {
    readonly cgroup?: WorkerCgroup | null;
    readonly workerPidOf?: SpawnOptions['workerPidOf'];
  },
): LaunchedWorker {
  const channel = child.stdio[3];
  if (!(channel instanceof Duplex)) throw new Error('the channel of a spawned worker is a duplex pipe');
  return new SpawnedWorker(child, channel, options);
}
