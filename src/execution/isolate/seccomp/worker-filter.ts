/**
 * The seccomp filter of an isolate worker: which system calls a Node process may make that reads its own files at
 * its start, speaks on one descriptor, and runs V8.
 *
 * An allow list, not a list of what is known to be dangerous: a system call that a later kernel brings is refused
 * before anybody here has heard of it, and so is a family that nobody thought of. What is allowed was measured
 * (strace over the hostile corpus and the guest's whole API), plus the forms of the same calls that other C libraries
 * use (musl's `open`, `stat`, `readlink`; glibc before `clone3`).
 *
 * - not allowed and listed in `refused`: EPERM. An error, not a kill, because Node asks for some of them by itself
 *   (libuv tries io_uring at every start) and an update of Node must not end in dead workers.
 * - not listed at all: ENOSYS, on which C libraries fall back to an older call. `clone3` must be among these: its
 *   flags lie in memory, where no filter can read them.
 * - another architecture's numbers, x32's among them: the process is killed. The table below is not theirs.
 *
 * `execve` stays allowed: bubblewrap installs the filter before it executes Node, and a filter sees a path as a
 * pointer only. No process can be forked (`clone` makes threads and nothing else), so all it can do is to replace the
 * worker by another program of a root that holds Node alone, under the same filter.
 */
import { action, and, assemble, dataOffset, jumpIfAtLeast, jumpIfEqual, load, result } from './bpf.ts';
import type { Instruction } from './bpf.ts';
import { allowed, refused } from './syscalls.ts';
import type { Architecture } from './syscalls.ts';

/** Holds when the argument, masked, is one of the values. */
interface ArgumentTest {
  readonly index: number;
  readonly mask?: number;
  /** Of a 64-bit argument the upper half must be 0 as well. */
  readonly isWide?: boolean;
  readonly values: readonly number[];
}

const eperm = 1;
const enosys = 38;

/** CLONE_THREAD must be set; none of CLONE_PTRACE, CLONE_VFORK, CLONE_PIDFD, CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}. */
const cloneThread = 0x0001_0000;
const cloneFlagsTested = cloneThread | 0x0000_2000 | 0x0000_4000 | 0x0000_1000 | 0x0002_0000 | 0x7e00_0000;
/** O_ACCMODE, O_CREAT, O_TRUNC, O_APPEND: the same bits on both architectures. */
const openForWriting = 0o3 | 0o100 | 0o1000 | 0o2000;

/** Allowed with these arguments only, else EPERM. */
export const argumentTests: Readonly<Record<string, ArgumentTest>> = {
  clone: { index: 0, mask: cloneFlagsTested, values: [cloneThread] },
  /** PR_SET_NAME, PR_SET_VMA. */
  prctl: { index: 0, values: [15, 0x5356_4d41] },
  /** TCGETS (isatty), FIONBIO, FIOCLEX, FIONREAD. */
  ioctl: { index: 1, values: [0x5401, 0x5421, 0x5451, 0x541b] },
  /** F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. */
  fcntl: { index: 1, values: [0, 1, 2, 3, 4, 1030] },
  /** Limits are read, never changed: `new_limit` is null. */
  prlimit64: { index: 2, isWide: true, values: [0] },
  openat: { index: 2, mask: openForWriting, values: [0] },
  open: { index: 1, mask: openForWriting, values: [0] },
  /** SIGABRT: how V8 ends its own process. */
  tgkill: { index: 2, values: [6] },
};

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 (linux/audit.h). */
const auditArchitecture: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
/** __X32_SYSCALL_BIT: the numbers of the x32 ABI, which come with the architecture of x86_64. */
const x32Bit = 0x4000_0000;

/** The filter's bytes for `bwrap --seccomp`; null where Node runs on an architecture that has no table. */
export function workerFilter(architecture: string = process.arch): Buffer | null {
  return architecture === 'x64' || architecture === 'arm64' ? assemble(filterProgram(architecture)) : null;
}

export function filterProgram(architecture: Architecture): Instruction[] {
  const program = [
    load(dataOffset.architecture),
    jumpIfEqual(auditArchitecture[architecture], 1, 0),
    result(action.killProcess),
    load(dataOffset.number),
    ...(architecture === 'x64' ? [jumpIfAtLeast(x32Bit, 0, 1), result(action.killProcess)] : []),
  ];
  const column = architecture === 'x64' ? 0 : 1;
  // For each call one test of its number, over what follows: no jump is longer than one rule.
  for (const [name, numbers] of Object.entries(allowed)) {
    const body = allowing(argumentTests[name]);
    if (numbers[column] !== null) program.push(jumpIfEqual(numbers[column], 0, body.length), ...body);
  }
  const refuse = result(action.errno(eperm));
  for (const numbers of Object.values(refused)) {
    if (numbers[column] !== null) program.push(jumpIfEqual(numbers[column], 0, 1), refuse);
  }
  program.push(result(action.errno(enosys)));
  return program;
}

/** Ends in a result whichever way it goes: the number that was loaded is not needed again. */
function allowing(test: ArgumentTest | undefined): Instruction[] {
  if (test === undefined) return [result(action.allow)];
  const { index, mask, isWide, values } = test;
  const matches = values.map((value, at) => jumpIfEqual(value, values.length - at, 0));
  const low = [load(dataOffset.argumentLow(index)), ...(mask === undefined ? [] : [and(mask)]), ...matches];
  const high = [load(dataOffset.argumentHigh(index)), jumpIfEqual(0, 0, low.length)];
  return [...(isWide === true ? high : []), ...low, result(action.errno(eperm)), result(action.allow)];
}
