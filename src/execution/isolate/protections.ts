/**
 * What a confinement may claim, and how each claim is proved: by what the kernel says of the confined process, by
 * what that process tried, or by both. A claim that is not in this list cannot be proved and is never shown as held.
 */
import type { ProcessEvidence } from './process-evidence.ts';
import type { Attempts, ProbeReport } from './worker/messages.ts';

export interface Proof {
  readonly report: ProbeReport;
  /** Null where the process cannot be looked at from here. */
  readonly seen: ProcessEvidence | null;
  /** Whether the kernel ended it when it took more memory than its limit; null where none was set. */
  readonly wasStoppedForMemory: boolean | null;
  /** Whether its cgroup has the limit of tasks that was set; null where there is none. */
  readonly hasTaskLimit: boolean | null;
}

interface Protection {
  /** One that does not hold though claimed is a reason not to use the confinement at all. */
  readonly isEssential: boolean;
  /** Null: it cannot be told here. */
  readonly holds: (proof: Proof) => boolean | null;
}

const capabilitySets = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'];
const nobody = '65534';

const essential = (holds: Protection['holds']): Protection => ({ isEssential: true, holds });
const further = (holds: Protection['holds']): Protection => ({ isEssential: false, holds });

const seen =
  (holds: (evidence: ProcessEvidence) => boolean): Protection['holds'] =>
  ({ seen }) =>
    seen === null ? null : holds(seen);

const hasSeccomp = seen(({ status }) => status.get('Seccomp') === '2');
const readOnlyRoot = seen(({ isRootReadOnly, hasPasswords }) => isRootReadOnly && !hasPasswords);

export const protections: Readonly<Record<string, Protection>> = {
  'all namespaces': essential(seen(({ ownNamespaces }) => ownNamespaces.size === 7)),
  'network, IPC and host name namespaces': essential(
    seen(({ ownNamespaces: own }) => own.has('net') && own.has('ipc') && own.has('uts')),
  ),
  'no network': essential(seen(({ ownNamespaces }) => ownNamespaces.has('net'))),
  'container under runc': essential(seen(hasContainerNamespaces)),
  'container under runsc': essential(seen(hasContainerNamespaces)),
  seccomp: essential(hasSeccomp),
  'seccomp allow list': essential(hasSeccomp),
  no_new_privs: essential(seen(({ status }) => status.get('NoNewPrivs') === '1')),
  'no capabilities': essential(seen(hasNoCapabilities)),
  'user 65534': essential(({ report }) => String(report.userId) === nobody),
  'host user 65534': essential(
    seen(({ status }) => ['Uid', 'Gid'].every((name) => isAll(status.get(name), nobody))),
  ),
  'sees no other processes': essential(
    ({ report }) =>
      report.otherProcesses === 0 && report.signalRunner !== 'done' && report.readRunner !== 'done',
  ),
  'read-only root of Node and the worker': essential(readOnlyRoot),
  'node --permission': essential(({ report: { attemptsUnderPermission: attempts } }) =>
    attempts === null ? null : Object.values(attempts).every((outcome) => outcome === 'ERR_ACCESS_DENIED'),
  ),
  'empty environment': essential(({ report }) => report.environment.length === 0),
  'resource limits': further(
    seen(
      ({ hardLimits }) =>
        hardLimits.get('Max core file size') === '0' &&
        hardLimits.get('Max file size') === '0' &&
        Number(hardLimits.get('Max open files')) <= 1024,
    ),
  ),
  'memory cgroup': further(({ wasStoppedForMemory }) => wasStoppedForMemory),
  'pids cgroup': further(({ hasTaskLimit }) => hasTaskLimit),
  'cgroups of its own for memory, processes and CPU': further(
    seen(({ ownNamespaces }) => ownNamespaces.has('cgroup')),
  ),
};

/** What no confinement may let through, whatever it claims; empty is good. */
export function breachesIn({ attempts, environment }: ProbeReport): string[] {
  const breaches: readonly [keyof Attempts, string][] = [
    ['openSocket', 'opened a socket'],
    ['readPasswords', 'read /etc/passwd'],
    ['writeFile', 'wrote a file'],
    ['spawn', 'spawned a process'],
  ];
  return [
    ...breaches.filter(([name]) => isDone(name, attempts[name])).map(([, breach]) => breach),
    ...(environment.length === 0 ? [] : ['saw environment variables']),
  ];
}

/** Of a connection, any answer but these means that a socket was there, a refused connection too. */
const socketRefusals: ReadonlySet<string> = new Set(['ERR_ACCESS_DENIED', 'EACCES', 'EPERM', 'ENETUNREACH']);

function isDone(name: keyof Attempts, outcome: string): boolean {
  return name === 'openSocket' ? !socketRefusals.has(outcome) : outcome === 'done';
}

/** The bounding set, which only root can empty, bounds what a program may gain: nothing under no_new_privs. */
function hasNoCapabilities({ status }: ProcessEvidence): boolean {
  const isEmpty = (name: string): boolean => /^0+$/.test(status.get(name) ?? '');
  return capabilitySets.every(isEmpty) && (isEmpty('CapBnd') || status.get('NoNewPrivs') === '1');
}

/** An engine may share its user namespace with its containers, and its cgroup namespace on older hosts. */
function hasContainerNamespaces({ ownNamespaces: own }: ProcessEvidence): boolean {
  return own.has('mnt') && own.has('pid') && own.has('net') && own.has('ipc') && own.has('uts');
}

/** Real, effective, saved and file system id alike. */
function isAll(ids: string | undefined, id: string): boolean {
  return ids !== undefined && ids.split('\t').every((one) => one === id);
}
