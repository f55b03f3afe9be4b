/**
 * `bwrap`: bubblewrap with every namespace of its own, no capabilities, user 65534, an empty environment, and a
 * root that holds Node, its libraries and the worker's files, read-only, and nothing else. Node's permission model
 * and the resource limits stay on inside.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import type { Confinement, LaunchedWorker, WorkerProgram } from './confinement.ts';
import { nodeArguments } from './confinement.ts';
import { spawnWorker } from './confine-process.ts';

const bwrap = '/usr/bin/bwrap';
/** nobody:nogroup. */
const nobody = '65534';

const namespaces = ['--unshare-all', '--unshare-user', '--disable-userns', '--hostname', 'isolate'];
const identity = ['--uid', nobody, '--gid', nobody, '--cap-drop', 'ALL', '--clearenv'];
const lifetime = ['--die-with-parent', '--new-session', '--as-pid-1'];
const shutIn = [...namespaces, ...identity, ...lifetime];
/** After the binds: nothing can be added any more. */
const sealed = ['--remount-ro', '/', '--chdir', '/', '--'];

export function confineWithBwrap(): Confinement {
  return {
    name: 'bwrap',
    protections: [
      'all namespaces',
      'user 65534',
      'no capabilities',
      'read-only root of Node and the worker',
      'node --permission',
      'empty environment',
      'dies with the runner',
    ],
    missing: ['seccomp', 'memory cgroup (the runner watches resident memory instead)'],
    launch,
  };
}

function launch(program: WorkerProgram): LaunchedWorker {
  const node = realpathSync(process.execPath);
  const readable = [node, ...librariesOf(node), ...program.readable];
  const binds = readable.flatMap((path) => ['--ro-bind-try', path, path]);
  return spawnWorker(bwrap, [...shutIn, ...binds, ...sealed, node, ...nodeArguments(program)], onlyChildOf);
}

/** Shared libraries and the dynamic loader, as the loader itself lists them. */
function librariesOf(program: string): string[] {
  if (!existsSync('/usr/bin/ldd')) return [];
  const listed = execFileSync('/usr/bin/ldd', [program], { encoding: 'utf8', env: {} });
  return [...listed.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].flatMap(([, path]) =>
    path === undefined ? [] : [path],
  );
}

/** bubblewrap stays outside as the parent of the worker. */
function onlyChildOf(pid: number): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return children.length === 1 && children[0] !== '' ? Number(children[0]) : null;
  } catch {
    return null;
  }
}
