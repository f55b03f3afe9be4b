/**
 * How a worker process is shut in. The pool knows this interface alone; a stronger way to confine is one more
 * implementation and an entry in `select-confinement.ts`.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type ConfinementName = 'bwrap' | 'process';

/** A Node program and all that it may read. */
export interface WorkerProgram {
  readonly entry: string;
  readonly args: readonly string[];
  /** Files and folders, absolute. */
  readonly readable: readonly string[];
}

/** A process that was started: its own process group, nothing inherited but descriptor 3. */
export interface LaunchedWorker {
  readonly child: ChildProcess;
  /** Bytes to and from the worker; hostile. */
  readonly channel: Duplex;
  /** The process that runs the worker itself, once it has said `ready`; null when that cannot be told. */
  workerPid(): number | null;
}

export interface Confinement {
  readonly name: ConfinementName;
  /** What else protects, and what this host lacks; for the log at start. */
  readonly protections: readonly string[];
  readonly missing: readonly string[];
  /** Never throws for a program that cannot be started: the child then reports `error`. */
  launch(program: WorkerProgram): LaunchedWorker;
}

/** The worker's program, from source (`.ts`) or from the package (`.js`): whatever this file is. */
export function workerProgram(addonPath: string, mode: 'work' | 'probe'): WorkerProgram {
  const here = fileURLToPath(import.meta.url);
  const room = dirname(here);
  return {
    entry: join(room, 'worker', `worker${extname(here)}`),
    args: mode === 'probe' ? [addonPath, 'probe'] : [addonPath],
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
    program.entry,
    ...program.args,
  ];
}

/** The worker's own heap: arguments, results and log lines in passing. Isolates have their own limit. */
const workerHeapMiB = 256;

/** The package.json that makes these files ES modules. */
function manifestOf(folder: string): string {
  const path = join(folder, 'package.json');
  if (existsSync(path) || dirname(folder) === folder) return path;
  return manifestOf(dirname(folder));
}
