/**
 * `process`: a plain child process with an empty environment under Node's permission model (no network, no files
 * but its own, no child processes). On Linux what the host offers comes on top: a cgroup, another user, no privileges
 * to gain or keep, resource limits, a network of its own, death with the runner.
 *
 * What it cannot promise: Node's permission model binds JavaScript, not native code. A guest that breaks out of V8
 * makes any system call (there is no filter), reads every file that its user may read, sees the host's processes, and
 * may stop or read other workers, which have the same user. For development, and for hosts that have nothing stronger.
 */
import type { Confinement, ConfinementHost } from './confinement.ts';
import { cgroupProtections, nodeArguments } from './confinement.ts';
import { spawnWorker } from './spawn-worker.ts';
import type { CommandPart } from './util-linux.ts';
import { droppedPrivileges, objectionToNobody, resourceLimits, someNamespaces } from './util-linux.ts';

/** Strongest first: as user 65534 of the host, then as this process's own. */
export function confineAsProcess(host: ConfinementHost): [Confinement, ...Confinement[]] {
  const objection = objectionToNobody([process.execPath, ...host.readable]);
  const asOwn = confinement(host, objection ?? 'this process cannot become that user');
  return objection === null ? [confinement(host, null), asOwn] : [asOwn];
}

/** `objection`: why the host's user 65534 cannot be had. */
function confinement({ cgroups }: ConfinementHost, objection: string | null): Confinement {
  const isMemoryLimited = cgroups.objections.memory === null;
  const parts: readonly CommandPart[] =
    process.platform === 'linux'
      ? [
          someNamespaces(),
          resourceLimits({ isMemoryLimited, hasOwnUser: objection === null }),
          droppedPrivileges(objection === null ? 'nobody' : 'own'),
        ]
      : [];
  const memory = cgroupProtections(cgroups);
  const wrapper = parts.flatMap(({ prefix }) => prefix);
  return {
    name: 'process',
    protections: [
      'node --permission',
      'empty environment',
      ...parts.flatMap(({ protections }) => protections),
      ...memory.protections,
    ],
    missing: [
      'seccomp',
      'namespaces of users, mounts and processes',
      ...parts.flatMap(({ missing }) => missing),
      ...(objection === null ? [] : [`host user 65534 (${objection})`]),
      ...memory.missing,
    ],
    launch(program) {
      const [command = process.execPath, ...args] = [...wrapper, process.execPath, ...nodeArguments(program)];
      return spawnWorker(command, args, { cgroups });
    },
  };
}
