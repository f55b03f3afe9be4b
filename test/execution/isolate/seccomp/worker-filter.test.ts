/** The filter, instruction by instruction: an interpreter that knows nothing of how it was built. */
import { assert, bigInt, constantFrom, integer, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assemble, jumpIfEqual, result } from '../../../../src/execution/isolate/seccomp/bpf.ts';
import { allowed, refused } from '../../../../src/execution/isolate/seccomp/syscalls.ts';
import { workerFilter } from '../../../../src/execution/isolate/seccomp/worker-filter.ts';
import { interpret } from './interpret.ts';

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const KILL_PROCESS = 0x80000000;
const audit = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
type Architecture = keyof typeof audit;
const filters = { x64: bytesFor('x64'), arm64: bytesFor('arm64') };

function bytesFor(architecture: Architecture): Buffer {
  return workerFilter(architecture) ?? Buffer.alloc(0);
}

function answer(architecture: Architecture, number: number, ...args: (bigint | number)[]): number {
  return interpret(filters[architecture], {
    architecture: audit[architecture],
    number,
    args: args.map(BigInt),
  });
}

/** Numbers as in Linux's tables, written down apart from the code. */
const x64 = {
  read: 0,
  write: 1,
  open: 2,
  mmap: 9,
  ioctl: 16,
  socket: 41,
  clone: 56,
  fork: 57,
  execve: 59,
  kill: 62,
  fcntl: 72,
  prctl: 157,
  ptrace: 101,
  mount: 165,
  unshare: 272,
  setns: 308,
  tgkill: 234,
  openat: 257,
  bpf: 321,
  keyctl: 250,
  io_uring_setup: 425,
  userfaultfd: 323,
  perf_event_open: 298,
  process_vm_readv: 310,
  process_vm_writev: 311,
  memfd_create: 319,
  execveat: 322,
  clone3: 435,
  prlimit64: 302,
  kexec_load: 246,
  init_module: 175,
  pivot_root: 155,
  chroot: 161,
  open_by_handle_at: 304,
  name_to_handle_at: 303,
  fsopen: 430,
  fsmount: 432,
  move_mount: 429,
  open_tree: 428,
  pidfd_getfd: 438,
  seccomp: 317,
  add_key: 248,
  request_key: 249,
} as const;

describe('the filter of a worker', () => {
  test.each([
    'socket',
    'fork',
    'kill',
    'ptrace',
    'mount',
    'unshare',
    'setns',
    'bpf',
    'keyctl',
    'add_key',
    'request_key',
    'io_uring_setup',
    'userfaultfd',
    'perf_event_open',
    'process_vm_readv',
    'process_vm_writev',
    'memfd_create',
    'execveat',
    'kexec_load',
    'init_module',
    'pivot_root',
    'chroot',
    'open_by_handle_at',
    'name_to_handle_at',
    'fsopen',
    'fsmount',
    'move_mount',
    'open_tree',
    'pidfd_getfd',
    'seccomp',
  ] as const)('refuses %s', (name) => {
    expect(answer('x64', x64[name])).toBe(EPERM);
  });

  test('says of clone3 that it does not exist, so that its flags come by clone', () => {
    expect(answer('x64', 435)).toBe(ENOSYS);
    expect(answer('arm64', 435)).toBe(ENOSYS);
  });

  test.each([
    ['a thread, as glibc makes it', 0x003d0f00, ALLOW],
    ['a thread, as musl makes it', 0x007d0f00, ALLOW],
    ['a process', 0x00000011, EPERM],
    ['a process that shares memory, as vfork makes it', 0x00004111, EPERM],
    ['a thread in a user namespace', 0x003d0f00 + 0x10000000, EPERM],
    ['a thread in a network namespace', 0x003d0f00 + 0x40000000, EPERM],
    ['a thread in a mount namespace', 0x003d0f00 + 0x00020000, EPERM],
    ['a thread that is traced', 0x003d0f00 + 0x00002000, EPERM],
    ['a thread with a descriptor', 0x003d0f00 + 0x00001000, EPERM],
  ])('clone: %s', (_what, flags, expected) => {
    expect(answer('x64', 56, flags)).toBe(expected);
    expect(answer('arm64', 220, flags)).toBe(expected);
  });

  test.each([
    ['a file to read', 0o2000000, ALLOW],
    ['a folder', 0o200000, ALLOW],
    ['a file to write', 0o1, EPERM],
    ['a file to read and write', 0o2, EPERM],
    ['a file to make', 0o100, EPERM],
    ['a file to empty', 0o1000, EPERM],
    ['a file to append to', 0o2000, EPERM],
  ])('opens %s', (_what, flags, expected) => {
    expect(answer('x64', 257, 0, 0, flags)).toBe(expected);
    expect(answer('x64', 2, 0, flags)).toBe(expected);
    expect(answer('arm64', 56, 0, 0, flags)).toBe(expected);
  });

  test.each<[string, number, bigint[], number]>([
    ['prctl names a thread', 157, [15n], ALLOW],
    ['prctl names memory', 157, [0x53564d41n], ALLOW],
    ['prctl lets a tracer in', 157, [0x59616d61n], EPERM],
    ['prctl installs a filter', 157, [22n, 2n], EPERM],
    ['prctl asks for core dumps', 157, [4n, 1n], EPERM],
    ['ioctl asks for a terminal', 16, [0n, 0x5401n], ALLOW],
    ['ioctl puts words into a terminal', 16, [0n, 0x5412n], EPERM],
    ['fcntl reads flags', 72, [0n, 3n], ALLOW],
    ['fcntl sets who gets signals', 72, [0n, 8n], EPERM],
    ['prlimit64 reads', 302, [0n, 7n, 0n], ALLOW],
    ['prlimit64 writes, from low memory', 302, [0n, 7n, 0x1000n], EPERM],
    ['prlimit64 writes, from high memory alone', 302, [0n, 7n, 0x7fff00000000n], EPERM],
    ['tgkill aborts', 234, [1n, 1n, 6n], ALLOW],
    ['tgkill kills', 234, [1n, 1n, 9n], EPERM],
    ['tgkill asks', 234, [1n, 1n, 0n], EPERM],
  ])('%s', (_what, number, args, expected) => {
    expect(answer('x64', number, ...args)).toBe(expected);
  });

  test.each(['x64', 'arm64'] as const)('kills whoever comes with another architecture (%s)', (own) => {
    assert(
      property(
        integer({ min: 0, max: 0xffffffff }),
        integer({ min: 0, max: 0xffffffff }),
        (architecture, number) => {
          const verdict = interpret(filters[own], { architecture, number, args: [] });
          expect(verdict === KILL_PROCESS).toBe(
            architecture !== audit[own] || (own === 'x64' && number >= 0x40000000),
          );
        },
      ),
    );
  });

  test.each([0x40000000, 0x40000000 + 59, 0xffffffff])(
    'kills whoever uses the numbers of x32 (%i)',
    (number) => {
      expect(answer('x64', number)).toBe(KILL_PROCESS);
    },
  );

  test.each(['x64', 'arm64'] as const)(
    'lets nothing through that is not on its list, whatever the arguments (%s)',
    (architecture) => {
      const column = architecture === 'x64' ? 0 : 1;
      const listed = (calls: typeof allowed): Set<number | null> =>
        new Set(Object.values(calls).map((numbers) => numbers[column]));
      const [open, closed] = [listed(allowed), listed(refused)];
      const word = bigInt({ min: 0n, max: 0xffffffffffffffffn });
      const number = constantFrom(...Array.from({ length: 600 }, (_, index) => index));
      assert(
        property(number, tuple(word, word, word, word, word, word), (number, args) => {
          const verdict = answer(architecture, number, ...args);
          if (closed.has(number)) expect(verdict).toBe(EPERM);
          else if (open.has(number)) expect([ALLOW, EPERM]).toContain(verdict);
          else expect(verdict).toBe(ENOSYS);
        }),
        { numRuns: 5000 },
      );
    },
  );

  test('no call is on both lists, and no number twice on one', () => {
    for (const column of [0, 1] as const) {
      const numbers = [...Object.values(allowed), ...Object.values(refused)].flatMap(
        (entry) => entry[column] ?? [],
      );
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });

  test('is none where no table is known', () => {
    expect(workerFilter('riscv64')).toBe(null);
  });
});

describe('an assembler that the kernel would not contradict', () => {
  test('lays an instruction out as struct sock_filter', () => {
    expect(assemble([jumpIfEqual(0x12345678, 3, 4)]).toString('hex')).toBe('1500030478563412');
    expect(assemble([result(0x80000000)]).toString('hex')).toBe('0600000000000080');
  });

  test('refuses jumps that do not fit, and programs of no or too many instructions', () => {
    expect(() => assemble([jumpIfEqual(0, 256, 0)])).toThrow(RangeError);
    expect(() => assemble([])).toThrow(RangeError);
    expect(() => assemble(Array.from({ length: 4097 }, () => result(0)))).toThrow(RangeError);
  });
});
