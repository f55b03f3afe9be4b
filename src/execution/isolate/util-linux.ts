/**
 * What util-linux of Debian 12 (2.38) can add around a program: limits, another user, no way back to privileges,
 * some namespaces. Each part is a prefix of the command line, with what it protects or why it cannot be had.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** nobody:nogroup. */
export const nobody = '65534';

const setpriv = '/usr/bin/setpriv';
const prlimit = '/usr/bin/prlimit';
const unshare = '/usr/bin/unshare';

/** A program that only tries whether something works. */
const startMsMax = 5000;
const gib = 1024 ** 3;
/**
 * The data segment (setrlimit(2), RLIMIT_DATA) where no cgroup limits memory. Each isolate reserves 512 MiB of
 * writable address space for machine code, and Node itself as much, so less than this stops V8 unless it runs without
 * its compiler (`--jitless`), which makes guests several times slower. It is the stop behind the runner's watch over
 * resident memory, not the limit of a call.
 */
const dataBytesMax = 4 * gib;
/** Open files of a worker: Node itself takes about 25. */
const openFilesMax = 64;
/** All processes and threads of user 65534, containers' included: no wall between workers, but an end to a fork bomb. */
const userTasksMax = 4096;

export interface CommandPart {
  readonly prefix: readonly string[];
  readonly protections: readonly string[];
  readonly missing: readonly string[];
}

/** `hasOwnUser`: the process runs as a user that is not this one, whose processes can be counted apart. */
export function resourceLimits(options: {
  readonly isMemoryLimited: boolean;
  readonly hasOwnUser: boolean;
}): CommandPart {
  if (!isExecutable(prlimit)) return lacking('resource limits', prlimit);
  const { isMemoryLimited, hasOwnUser } = options;
  const limits = ['--core=0', '--fsize=0', `--nofile=${openFilesMax}`];
  if (!isMemoryLimited) limits.push(`--data=${dataBytesMax}`);
  if (hasOwnUser) limits.push(`--nproc=${userTasksMax}`);
  return { prefix: [prlimit, ...limits, '--'], protections: ['resource limits'], missing: [] };
}

/** No privileges to gain or to keep, death with the runner, and the user 65534 if `user` says so. */
export function droppedPrivileges(user: 'nobody' | 'own'): CommandPart {
  if (!isExecutable(setpriv)) return lacking('no_new_privs, no capabilities', setpriv);
  const drop = isPrivileged() ? ['--bounding-set', '-all', '--inh-caps', '-all'] : [];
  const change = user === 'nobody' ? ['--reuid', nobody, '--regid', nobody, '--clear-groups'] : [];
  return {
    prefix: [setpriv, ...change, ...drop, '--no-new-privs', '--pdeathsig', 'KILL', '--'],
    protections: ['no_new_privs', 'no capabilities', ...(user === 'nobody' ? ['host user 65534'] : [])],
    missing: [],
  };
}

/** Network, System V objects and host name; as an ordinary user inside a user namespace, where the host lets it. */
export function someNamespaces(): CommandPart {
  if (!isExecutable(unshare)) return lacking('a network namespace', unshare);
  const user = isPrivileged() ? [] : ['--user'];
  const prefix = [unshare, ...user, '--net', '--ipc', '--uts', '--'];
  const { status, stderr } = spawnSync(unshare, [...prefix.slice(1), '/bin/true'], {
    env: {},
    encoding: 'utf8',
    timeout: startMsMax,
  });
  if (status === 0) return { prefix, protections: ['network, IPC and host name namespaces'], missing: [] };
  return { prefix: [], protections: [], missing: [`a network namespace (${stderr.trim()})`] };
}

/** Why workers cannot run as user 65534 though this process may change its user; null when they can. */
export function objectionToNobody(readable: readonly string[]): string | null {
  if (!isPrivileged()) return 'the runner may not change its user';
  if (!['uid_map', 'gid_map'].every(hasNobody)) return `this user namespace has no user ${nobody}`;
  if (!isExecutable(setpriv)) return `${setpriv} of util-linux is missing`;
  const closed = readable.find((path) => !isReadableByAll(path));
  return closed === undefined ? null : `user ${nobody} cannot read ${closed}`;
}

/** CAP_SETGID, CAP_SETUID and CAP_SETPCAP: root has them, unless a container took them away. */
const capabilitiesNeeded = 0b1_1100_0000n;

function isPrivileged(): boolean {
  try {
    const [, held = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return (BigInt(`0x${held}`) & capabilitiesNeeded) === capabilitiesNeeded;
  } catch {
    return false;
  }
}

/** user_namespaces(7): lines of `first inside, first outside, length`. */
function hasNobody(map: string): boolean {
  const ranges = readFileSync(`/proc/self/${map}`, 'utf8').trim().split('\n');
  return ranges.some((range) => {
    const [first = 0, , length = 0] = range.trim().split(/\s+/).map(Number);
    return first <= Number(nobody) && Number(nobody) < first + length;
  });
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isReadableByAll(path: string): boolean {
  const [otherRead, otherPass] = [0o4, 0o1];
  try {
    if ((statSync(path).mode & otherRead) === 0) return false;
    for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder))
      if ((statSync(folder).mode & otherPass) === 0) return false;
    return true;
  } catch {
    return false;
  }
}

function lacking(what: string, program: string): CommandPart {
  return { prefix: [], protections: [], missing: [`${what} (${program} of util-linux is missing)`] };
}
