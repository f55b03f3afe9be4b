/**
 * `bwrap`: bubblewrap with every namespace of its own, no capabilities, user 65534, an empty environment, a root that
 * holds Node, its libraries and the worker's files, read-only, and nothing else, and a filter of system calls. Node's
 * permission model, the resource limits and the cgroup stay on around and inside.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import type { Confinement, ConfinementHost } from './confinement.ts';
import { cgroupProtections, nodeArguments } from './confinement.ts';
import { workerFilter } from './seccomp/worker-filter.ts';
import { inputDescriptor, spawnWorker } from './spawn-worker.ts';
import { isExecutable, droppedPrivileges, nobody, objectionToNobody, resourceLimits } from './util-linux.ts';

const bwrap = '/usr/bin/bwrap';

const namespaces = ['--unshare-all', '--unshare-user', '--disable-userns', '--hostname', 'isolate'];
const identity = ['--uid', nobody, '--gid', nobody, '--cap-drop', 'ALL', '--clearenv'];
const lifetime = ['--die-with-parent', '--new-session', '--as-pid-1'];
/** After the binds: nothing can be added any more. */
const sealed = ['--remount-ro', '/', '--chdir', '/', '--'];

/**
 * Strongest first. As root, bubblewrap itself becomes user 65534 before it does anything, so that a process which
 * leaves its namespaces is nobody on the host; where that user cannot read the program or may not make namespaces,
 * it stays root's. Throws when bubblewrap is not installed.
 */
export function confineWithBwrap(host: ConfinementHost): Confinement[] {
  if (!isExecutable(bwrap)) throw new Error(`bubblewrap is not installed (no ${bwrap})`);
  const node = realpathSync(process.execPath);
  const objection = objectionToNobody([node, ...host.readable]);
  const program = [node, ...librariesOf(node)];
  const asOwn = confinement(host, program, objection ?? `user ${nobody} may not make namespaces here`);
  return objection === null ? [confinement(host, program, null), asOwn] : [asOwn];
}

/** `program`: Node and what it is linked to. `objection`: why the host's user 65534 cannot be had. */
function confinement(
  { cgroups }: ConfinementHost,
  program: readonly string[],
  objection: string | null,
): Confinement {
  const [node = process.execPath] = program;
  const filter = workerFilter();
  const memory = cgroupProtections(cgroups);
  const limits = resourceLimits({ isMemoryLimited: cgroups.objections.memory === null, hasOwnUser: false });
  const outer = [...limits.prefix, ...(objection === null ? droppedPrivileges('nobody').prefix : [])];
  return {
    name: 'bwrap',
    // Without a filter Node alone keeps a guest from sockets and processes.
    holdsWithoutNode: filter !== null,
    protections: [
      'all namespaces',
      ...(filter === null ? [] : ['seccomp']),
      'no_new_privs',
      'no capabilities',
      'user 65534',
      ...(objection === null ? ['host user 65534'] : []),
      'sees no other processes',
      'read-only root of Node and the worker',
      'node --permission',
      'empty environment',
      ...limits.protections,
      ...memory.protections,
    ],
    missing: [
      ...(filter === null ? [`seccomp (no table of system calls for ${process.arch})`] : []),
      ...(objection === null ? [] : [`host user 65534 (${objection})`]),
      ...limits.missing,
      ...memory.missing,
    ],
    launch(worker) {
      const readable = [...program, ...worker.readable];
      const [command = bwrap, ...args] = [
        ...outer,
        bwrap,
        ...bwrapArguments(readable, filter !== null),
        node,
        ...nodeArguments(worker),
      ];
      return spawnWorker(command, args, { cgroups, input: filter, workerPidOf: onlyChildOf });
    },
  };
}

/** All that stands between `bwrap` and the program. */
export function bwrapArguments(readable: readonly string[], hasFilter: boolean): string[] {
  return [
    ...namespaces,
    ...identity,
    ...lifetime,
    ...(hasFilter ? ['--seccomp', String(inputDescriptor)] : []),
    ...readable.flatMap((path) => ['--ro-bind-try', path, path]),
    ...sealed,
  ];
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
export function onlyChildOf(pid: number): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return children.length === 1 && children[0] !== '' ? Number(children[0]) : null;
  } catch {
    return null;
  }
}
