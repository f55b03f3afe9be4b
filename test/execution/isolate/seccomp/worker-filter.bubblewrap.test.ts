/**
 * The filter in a real kernel: a process under it makes each call and reports what the kernel answered. perl makes
 * them, because the base of every Debian has it and it can make any system call by number.
 */
import { spawn, spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { allowed, refused } from '../../../../src/execution/isolate/seccomp/syscalls.ts';
import { workerFilter } from '../../../../src/execution/isolate/seccomp/worker-filter.ts';

const [EPERM, EBADF, EINVAL, ENOSYS] = [1, 9, 22, 38];
const column = process.arch === 'x64' ? 0 : 1;

/** Standard output of a perl program under the filter; how it ended when it said nothing. */
async function underFilter(program: string, filter = workerFilter()): Promise<string> {
  const args = [
    '--unshare-all',
    '--as-pid-1',
    '--die-with-parent',
    '--ro-bind',
    '/',
    '/',
    '--dev',
    '/dev',
    '--seccomp',
    '4',
    '--',
    '/usr/bin/perl',
    '-e',
  ];
  const child = spawn('/usr/bin/bwrap', [...args, program], {
    env: { LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'inherit', 'ignore', 'pipe'],
    // A call that should be refused may wait for ever when it is not.
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const input = child.stdio[4];
  if (!(input instanceof Writable) || child.stdout === null) throw new Error('no pipes');
  input.end(filter);
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const said = await text(child.stdout);
  return said === '' ? `exit ${await ended}` : said;
}

/** The error that each call met; 0 when it succeeded. */
async function errorsOf(calls: readonly (readonly number[])[]): Promise<number[]> {
  const made = calls.map((call) => `$! = 0; syscall(${call.join(', ')}); print $! + 0, "\\n";`);
  return (await underFilter(made.join(' '))).trim().split('\n').map(Number);
}

function numbersOf(calls: typeof allowed): number[] {
  return Object.values(calls).flatMap((numbers) => numbers[column] ?? []);
}

test('every call on the list of refusals is refused by the kernel', async () => {
  const numbers = numbersOf(refused);
  expect(await errorsOf(numbers.map((number) => [number, 0, 0, 0, 0, 0, 0]))).toEqual(
    numbers.map(() => EPERM),
  );
});

test('every number that is on no list does not exist', async () => {
  // uprobe and uretprobe of x86_64 pass every filter (seccomp.c of Linux 6.14); called by a program they end it.
  const probes = process.arch === 'x64' ? [335, 336] : [];
  const known = new Set([...numbersOf(allowed), ...numbersOf(refused), ...probes]);
  const unknown = Array.from({ length: 470 }, (_, number) => number).filter((number) => !known.has(number));
  expect(await errorsOf(unknown.map((number) => [number, 0, 0, 0, 0, 0, 0]))).toEqual(
    unknown.map(() => ENOSYS),
  );
});

test('arguments count: the same call is let through or refused for them', async () => {
  const [ioctl, prctl, openat, tgkill, clone] = ['ioctl', 'prctl', 'openat', 'tgkill', 'clone'].map(
    (name) => allowed[name]?.[column] ?? 0,
  ) as [number, number, number, number, number];
  const errors = await errorsOf([
    [ioctl, 99, 0x5401],
    [ioctl, 99, 0x5412],
    [prctl, 4, 0],
    [openat, 99, 0, 0o1],
    [tgkill, 0, 0, 6],
    [tgkill, 0, 0, 9],
    [clone, 17],
  ]);
  expect(errors).toEqual([EBADF, EPERM, EPERM, EPERM, EINVAL, EPERM, EPERM]);
});

test('no process can be started', async () => {
  expect(await underFilter('my $pid = fork(); print defined $pid ? "forked" : $! + 0;')).toBe(`${EPERM}`);
});

test('no socket can be opened, not even one pair of them', async () => {
  const program =
    'use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0); print $! + 0; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0); print " ", $! + 0;';
  expect(await underFilter(program)).toBe(`${EPERM} ${EPERM}`);
});

test.runIf(process.arch === 'x64')('the numbers of x32 kill the process', async () => {
  expect(await underFilter('syscall(0x40000000 + 39); print "alive";')).toBe('exit 159');
});

test.runIf(process.arch === 'x64')(
  'the calls of 32-bit programs, which have other numbers, kill the process',
  async () => {
    // mov eax, 20 (getpid of i386); int 0x80; ret: read into memory that may be executed (PROT 7, MAP_PRIVATE | MAP_ANONYMOUS).
    const program = `
      my $at = syscall(9, 0, 4096, 7, 0x22, -1, 0);
      pipe(my $in, my $out);
      syswrite($out, "\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3");
      syscall(0, fileno($in), $at, 8);
      require DynaLoader;
      DynaLoader::dl_install_xsub("main::legacy", $at);
      legacy();
      print "alive";`;
    // Under some hypervisors no kernel gets to see such a call: then it is the processor that ends the process.
    const isCall = spawnSync('/usr/bin/perl', ['-e', program], { encoding: 'utf8' }).stdout === 'alive';
    expect(await underFilter(program)).toBe(isCall ? 'exit 159' : 'exit 139');
  },
);
