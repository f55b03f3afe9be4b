/**
 * `process`: a plain child process with an empty environment under Node's permission model (no network, no files
 * but its own, no child processes). On Linux util-linux adds what it can: no privileges to gain or keep, resource
 * limits, and death with the runner. Node's permission model does not bind native code: this confinement is for
 * development, and for hosts that have nothing stronger.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Duplex } from 'node:stream';
import type { Confinement, LaunchedWorker, WorkerProgram } from './confinement.ts';
import { nodeArguments } from './confinement.ts';
import { SpawnedWorker } from './spawned-worker.ts';

const setpriv = '/usr/bin/setpriv';
const prlimit = '/usr/bin/prlimit';
/** Open files of a worker: Node itself takes about 25. */
const openFilesMax = 64;

export function confineAsProcess(): Confinement {
  const isRoot = process.getuid?.() === 0;
  const hasSetpriv = existsSync(setpriv);
  const hasPrlimit = existsSync(prlimit);
  const wrapper = [
    ...(hasSetpriv
      ? [setpriv, '--pdeathsig', 'KILL', '--no-new-privs', ...(isRoot ? dropCapabilities : []), '--']
      : []),
    ...(hasPrlimit ? [prlimit, '--core=0', '--fsize=0', `--nofile=${openFilesMax}`, '--'] : []),
  ];
  return {
    name: 'process',
    protections: [
      'node --permission',
      'empty environment',
      ...(hasSetpriv ? ['no_new_privs', 'dies with the runner', ...(isRoot ? ['no capabilities'] : [])] : []),
      ...(hasPrlimit ? ['rlimits core, fsize, nofile'] : []),
    ],
    missing: [
      'namespaces',
      'seccomp',
      'memory cgroup (the runner watches resident memory instead)',
      ...(hasSetpriv ? [] : [`${setpriv} of util-linux`]),
      ...(hasPrlimit ? [] : [`${prlimit} of util-linux`]),
    ],
    launch: (program) => launch(wrapper, program),
  };
}

const dropCapabilities = ['--bounding-set', '-all', '--inh-caps', '-all'];

function launch(wrapper: readonly string[], program: WorkerProgram): LaunchedWorker {
  const [command, ...args] = [...wrapper, process.execPath, ...nodeArguments(program)];
  return spawnWorker(command ?? process.execPath, args);
}

/** A process group of its own; empty environment; descriptors 0 and 1 closed to it, 2 for its last words, 3 the channel. */
export function spawnWorker(
  command: string,
  args: readonly string[],
  workerPidOf?: (pid: number) => number | null,
): LaunchedWorker {
  const child = spawn(command, args, {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const channel = child.stdio[3];
  if (!(channel instanceof Duplex)) throw new Error('the channel of a spawned worker is a duplex pipe');
  return new SpawnedWorker(child, channel, workerPidOf);
}
