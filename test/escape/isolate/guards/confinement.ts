/** The guards around the worker's process: bubblewrap, the filter, cgroups, the self-test and the demands of policy. */
import type { Guard } from './guard.ts';

const isolate = 'src/execution/isolate';
const tests = 'test/execution/isolate';

/** A part of one file with the test that goes red without it. */
const inFile =
  (file: string, test: string) =>
  (guard: string, find: string, replace: string, name: string): Guard => ({
    guard,
    file,
    find,
    replace,
    test: [test, name],
  });

const words = 'test/pins/isolate-confinement.test.ts';
const inBwrap = inFile(`${isolate}/confine-bwrap.ts`, `${tests}/confine-bwrap.bubblewrap.test.ts`);
const inWords = inFile(`${isolate}/confine-bwrap.ts`, words);
const inJoin = inFile(`${isolate}/spawn-worker.ts`, `${tests}/cgroup/worker-cgroups.bubblewrap.test.ts`);
const inCgroup = inFile(`${isolate}/cgroup/worker-cgroup.ts`, `${tests}/cgroup/worker-cgroup.test.ts`);
const inRemoval = inFile(
  `${isolate}/cgroup/remove-cgroups.ts`,
  `${tests}/cgroup/worker-cgroups.bubblewrap.test.ts`,
);
const inFilter = inFile(`${isolate}/seccomp/worker-filter.ts`, `${tests}/seccomp/worker-filter.test.ts`);
const inSelfTest = inFile(`${isolate}/self-test.ts`, `${tests}/confine-bwrap.bubblewrap.test.ts`);

const everything = 'as root, everything is claimed';
const whole = 'passes the real command line';
const told = 'what bubblewrap is told';

const bubblewrap: readonly Guard[] = [
  inBwrap('--unshare-all', "'--unshare-all', ", '', everything),
  inBwrap('--as-pid-1', ", '--as-pid-1'", '', everything),
  inBwrap('--seccomp', "['--seccomp', String(inputDescriptor)]", '[]', everything),
  inBwrap('--remount-ro', "'--remount-ro', '/', ", '', everything),
  inBwrap(
    'the host’s user 65534',
    "(objection === null ? droppedPrivileges('nobody').prefix : [])",
    '[]',
    everything,
  ),
  inBwrap('resource limits', '...limits.prefix, ', '', everything),
  inBwrap('--uid', "'--uid', nobody, ", '', whole),
  inWords('--unshare-user', "'--unshare-user', ", '', told),
  inWords('--disable-userns', "'--disable-userns', ", '', told),
  inWords('--hostname', ", '--hostname', 'isolate'", '', told),
  inWords('--gid', "'--gid', nobody, ", '', told),
  inWords('--cap-drop', "'--cap-drop', 'ALL', ", '', told),
  inWords('--clearenv', ", '--clearenv'", '', told),
  inWords('--die-with-parent', "'--die-with-parent', ", '', told),
  inWords('--new-session', "'--new-session', ", '', told),
  inWords('binds are read-only', "'--ro-bind-try'", "'--bind-try'", told),
];

const joining: readonly Guard[] = [
  inJoin('joins before it executes', 'echo 0 >"$1" || exit 1; shift', 'shift', 'is in its cgroups before'),
  inJoin(
    'an empty environment',
    'exec /usr/bin/env -i "$@"',
    'export A=1; exec "$@"',
    'gets an empty environment',
  ),
  inJoin(
    'no worker without its cgroup',
    "return toWorker(spawnChild([shell, '-c', refuse, 'sh', reason], null), {});",
    'void reason; cgroup = null;',
    'is not started outside of a cgroup',
  ),
  inFile(`${isolate}/spawned-worker.ts`, `${tests}/cgroup/worker-cgroups.bubblewrap.test.ts`)(
    'the kernel’s verdict',
    "memory?.wasKilledForMemory() === true ? 'out_of_memory' : 'ended'",
    "'ended'",
    'that takes more than its memory',
  ),
];

const memory: readonly Guard[] = [
  inCgroup(
    'pids.max',
    "writeFileSync(join(pids, 'pids.max'), String(tasksMax))",
    'void tasksMax',
    'no swap, and',
  ),
  inCgroup('memory.swap.max', "  writeFileSync(join(memory, 'memory.swap.max'), '0');\n", '', 'no swap, and'),
  inCgroup(
    'memory.oom.group',
    "  writeFileSync(join(memory, 'memory.oom.group'), '1');\n",
    '',
    'no swap, and',
  ),
  inCgroup(
    'memory.swappiness',
    "if (version === 1) writeFileSync(join(folder, 'memory.swappiness'), '0');",
    '',
    'starts with a limit for the start',
  ),
  inCgroup(
    'the limit',
    'writeSync(this.#limit, String(limitBytes), 0);',
    '',
    'a call may add what it may add',
  ),
  inCgroup(
    'the limit with swap',
    'if (this.#limitWithSwap !== null) writeSync(this.#limitWithSwap, String(bytes), 0);',
    'void bytes;',
    'starts with a limit for the start',
  ),
  inCgroup('the peak is of this call', 'else this.#resetPeak();', '', 'needs no watch'),
  inRemoval(
    'what is left inside is ended',
    '    endMembers(folder);\n    if (removeIfEmpty(folder)) return;',
    '    if (removeIfEmpty(folder)) return;',
    'takes its cgroups along',
  ),
  inRemoval(
    'the sweep spares the living',
    ' || groupNameOf(Number(pid)) === owner',
    '',
    'the sweep at start',
  ),
  inFile(`${isolate}/cgroup/make-group.ts`, `${tests}/cgroup/worker-cgroups.bubblewrap.test.ts`)(
    'leftovers are swept',
    '  sweepGroups(base);\n',
    '',
    'the sweep at start',
  ),
  inFile(`${isolate}/isolate-call.ts`, `${tests}/memory.bubblewrap.test.ts`)(
    'the limit follows the call',
    '    worker.memory.startCall(this.#memoryBytesMax);\n',
    '',
    'the limit is that of the call',
  ),
];

const filter: readonly Guard[] = [
  inFilter(
    'other architectures are killed',
    '    jumpIfEqual(auditArchitecture[architecture], 1, 0),\n    result(action.killProcess),\n',
    '    and(auditArchitecture[architecture]),\n',
    'kills whoever comes with another architecture',
  ),
  inFilter(
    'x32 is killed',
    "...(architecture === 'x64' ? [jumpIfAtLeast(x32Bit, 0, 1), result(action.killProcess)] : []),",
    '',
    'kills whoever uses the numbers of x32',
  ),
  inFilter(
    'what is on no list does not exist',
    'program.push(result(action.errno(enosys)));',
    'program.push(result(action.allow));',
    'lets nothing through that is not on its list',
  ),
  inFilter('arguments of clone', '  clone: {', '  notClone: {', 'clone:'),
  inFilter('arguments of prctl', '  prctl: {', '  notPrctl: {', 'prctl installs a filter'),
  inFilter('arguments of ioctl', '  ioctl: {', '  notIoctl: {', 'ioctl puts words into a terminal'),
  inFilter('arguments of fcntl', '  fcntl: {', '  notFcntl: {', 'fcntl sets who gets signals'),
  inFilter('arguments of prlimit64', '  prlimit64: {', '  notPrlimit: {', 'prlimit64 writes'),
  inFilter('all of a pointer', 'isWide: true, ', '', 'prlimit64 writes, from high memory'),
  inFilter('flags of openat', '  openat: {', '  notOpenat: {', 'opens a file to write'),
  inFilter('flags of open', '  open: {', '  notOpen: {', 'opens a file to write'),
  inFilter('signals of tgkill', '  tgkill: {', '  notTgkill: {', 'tgkill kills'),
  inFile(`${isolate}/seccomp/syscalls.ts`, `${tests}/seccomp/worker-filter.test.ts`)(
    'a refused call is refused by name',
    '  ptrace: [101, 117],\n',
    '',
    'refuses ptrace',
  ),
  inFile(`${isolate}/seccomp/syscalls.ts`, 'test/pins/isolate-syscalls.test.ts')(
    'the allow list',
    '  futex: [202, 98],\n',
    '  futex: [202, 98],\n  wait4: [61, 260],\n',
    'the allow list of isolate workers',
  ),
];

const proof: readonly Guard[] = [
  inSelfTest(
    'a claim is shown once it is proved',
    'if (holds === true) proved.push(claim);',
    'if (holds !== false) proved.push(claim);',
    'does not show what is claimed',
  ),
  inSelfTest(
    'an essential claim that does not hold is an objection',
    'if (broken.length > 0) return refused',
    'if (broken.length > 99) return refused',
    'with a capability says so',
  ),
  inSelfTest(
    'what was let through is an objection',
    'if (breaches.length > 0) return refused',
    'if (breaches.length > 99) return refused',
    'with a variable says so',
  ),
  inFile(`${isolate}/isolate-executor.ts`, `${tests}/confinement.test.ts`)(
    'minConfinement at each call',
    'if (!fulfils(name, profile.minConfinement)) {',
    'if (fulfils(name, profile.minConfinement) === undefined) {',
    'runs nothing of a tool that demands more',
  ),
  inFile('src/app.ts', 'test/api/confinement.bubblewrap.test.ts')(
    'minConfinement at start',
    '  await requireConfinement(first.revision, runners);\n',
    '',
    'keeps the server from starting where bwrap is not had',
  ),
];

export const confinementGuards: readonly Guard[] = [
  ...bubblewrap,
  ...joining,
  ...memory,
  ...filter,
  ...proof,
];
