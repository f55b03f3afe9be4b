/**
 * How a worker process is shut in. The pool knows this interface alone; a stronger way to confine is one more
 * implementation and an entry in `select-confinement.ts`.
 */
import type { CpuTurn } from '../cpu-weights.ts';
import { existsSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ConfinementName } from '../../model/confinement.ts';
import type { WorkerCgroups } from './cgroup/worker-cgroups.ts';
import type { WorkerMemory } from './worker-memory.ts';

/** What a confinement is built for. */
export interface ConfinementHost {
  readonly cgroups: WorkerCgroups;
  /** What every worker reads: see `WorkerProgram`. */
  readonly readable: readonly string[];
}

/** A Node program and all that it may read. */
export interface WorkerProgram {
  readonly entry: string;
  readonly args: readonly string[];
  /** Files and folders, absolute. */
  readonly readable: readonly string[];
  /** Flags of Node's on top of a worker's own; only the self-test has any. */
  readonly nodeFlags?: readonly string[];
}

/** How a worker came to its end. */
export interface WorkerEnd {
  /** `out_of_memory`: the kernel ended it for want of memory. `lost`: nobody can tell any more. */
  readonly cause: 'ended' | 'out_of_memory' | 'lost';
  /** What was seen of it: exit code, signal, or why it could not be started. */
  readonly how: string;
  /** The end of what it wrote to stderr: Node's and V8's last words. Hostile. */
  readonly lastWords: string;
}

/** A worker that was started, or is about to: a process of this host or one in a container. */
export interface LaunchedWorker {
  /** Bytes to and from the worker; hostile. What is written before it runs waits for it. */
  readonly channel: Duplex;
  /** False as soon as it was killed or has ended, though bytes of it may still be on their way. */
  readonly isAlive: boolean;
  /** Settles when nothing of it runs any more and its last bytes have been read. Never rejects. */
  readonly ended: Promise<WorkerEnd>;
  /** For the log: what the host knows it by; null before it runs, and where that cannot be told. */
  readonly pid: number | null;
  /** The process that runs the worker itself, once it has said `ready`; null when it cannot be seen from here. */
  workerPid(): number | null;
  /** Its memory as the kernel limits and counts it; null where the process itself is all that can be looked at. */
  readonly memory: WorkerMemory | null;
  /** Whether its cgroup limits its tasks; missing where there is none. */
  hasTaskLimit?(): boolean;
  /** Its weight for the processor: whether its call has run for long. Missing where it has none of its own. */
  weigh?(turn: CpuTurn): void;
  /** Ends it with everything that it started, at once. Does nothing the second time. */
  kill(): void;
}

export interface WorkerPace {
  /** Workers that start at the same time. */
  readonly startsMax: number;
  /** Age at which a worker is replaced once it is idle, milliseconds. */
  readonly lifetimeMs: number;
}

export interface Confinement {
  readonly name: ConfinementName;
  /**
   * What it claims to protect with, in the words of `protections.ts`, and what this host lacks. The self-test proves
   * each claim; one that it cannot prove is shown among the missing.
   */
  readonly protections: readonly string[];
  readonly missing: readonly string[];
  /** Its wall stands without Node's permission model, which the self-test then takes away before it tries. */
  readonly holdsWithoutNode?: boolean;
  /** What a pool of such workers has to heed; nothing when missing. */
  readonly pace?: WorkerPace;
  /** Never throws for a program that cannot be started: the worker then ends, and says why. */
  launch(program: WorkerProgram): LaunchedWorker;
}

/** The worker's program, from source (`.ts`) or from the package (`.js`): whatever this file is. */
export function workerProgram(addonPath: string, name: 'worker' | 'probe' = 'worker'): WorkerProgram {
  const here = fileURLToPath(import.meta.url);
  const room = dirname(here);
  return {
    entry: join(room, 'worker', `${name}${extname(here)}`),
    args: [addonPath],
    readable: [
      join(room, 'worker'),
      join(room, 'guest'),
      join(room, '..', 'protocol'),
      addonPath,
      manifestOf(room),
    ],
  };
}

/** Node's own flags for a worker, whatever else confines it. Paths that hold a comma cannot be allowed: each has its own flag. */
export function nodeArguments(program: WorkerProgram): string[] {
  return [
    '--permission',
    '--allow-addons',
    ...program.readable.map((path) => `--allow-fs-read=${path}`),
    '--no-warnings',
    '--single-threaded',
    '--v8-pool-size=0',
    '--disable-sigusr1',
    `--max-old-space-size=${workerHeapMiB}`,
    ...(program.nodeFlags ?? []),
    program.entry,
    ...program.args,
  ];
}

/** The worker's own heap: arguments, results and log lines in passing. Isolates have their own limit. */
const workerHeapMiB = 256;

/** What cgroups add to a confinement, and what it lacks without them. */
export function cgroupProtections({
  objections,
}: WorkerCgroups): Pick<Confinement, 'protections' | 'missing'> {
  const { memory, pids } = objections;
  return {
    protections: [...(memory === null ? ['memory cgroup'] : []), ...(pids === null ? ['pids cgroup'] : [])],
    missing: [
      ...(memory === null ? [] : [`memory cgroup (${memory}; the runner watches resident memory instead)`]),
      ...(pids === null ? [] : [`pids cgroup (${pids})`]),
    ],
  };
}

/** The package.json that makes these files ES modules. */
function manifestOf(folder: string): string {
  const path = join(folder, 'package.json');
  if (existsSync(path) || dirname(folder) === folder) return path;
  return manifestOf(dirname(folder));
}
