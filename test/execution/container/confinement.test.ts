import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages, call, openExecutor } from '../../support/container-calls.ts';

const executor = openExecutor();
beforeAll(async () => await buildImages('python', 'shell'), 600_000);
afterAll(async () => await executor[Symbol.asyncDispose]());

async function python(code: string): Promise<unknown> {
  const seen = await call(executor, 'python', { code });
  expect(seen.exit).toEqual({ type: 'exit', reason: 'completed', error: null });
  return seen.result;
}

test('code runs as 65534, without capabilities, under seccomp, and cannot gain privileges', async () => {
  const code = [
    'wanted = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")',
    'lines = [line.split(":") for line in open("/proc/self/status")]',
    '{name: value.split() for name, value in lines if name in wanted}',
  ].join('\n');
  expect(await python(code)).toEqual({
    Uid: ['65534', '65534', '65534', '65534'],
    Gid: ['65534', '65534', '65534', '65534'],
    Groups: ['65534'],
    CapInh: ['0000000000000000'],
    CapPrm: ['0000000000000000'],
    CapEff: ['0000000000000000'],
    CapBnd: ['0000000000000000'],
    CapAmb: ['0000000000000000'],
    NoNewPrivs: ['1'],
    Seccomp: ['2'],
  });
});

test('only /work and /tmp can be written, and nothing there can be executed', async () => {
  const seen = await call(executor, 'shell', {
    script: [
      'for folder in / /etc /opt/sallyport /usr/bin /var/tmp /dev /run /sys /proc /work /tmp /dev/shm; do',
      '  (: >$folder/probe) 2>/dev/null && echo $folder',
      'done',
      'cp /bin/true true && chmod 755 true && ./true || echo noexec',
      'cp /bin/true /dev/shm/true && chmod 755 /dev/shm/true && /dev/shm/true || echo noexec',
    ].join('\n'),
  });
  expect(seen.stdout).toBe('/work\n/tmp\n/dev/shm\nnoexec\nnoexec\n');
});

test('there is no network but loopback, and no socket of the engine', async () => {
  const code = [
    'import os, socket',
    'def attempt(action):',
    '    try: return action()',
    '    except OSError as error: return error.errno',
    'connected = attempt(lambda: socket.create_connection(("192.0.2.1", 80), 2))',
    'resolved = attempt(lambda: socket.getaddrinfo("example.com", 80))',
    'sockets = [os.path.join(top, name) for top, _, names in os.walk("/") for name in names if name.endswith(".sock")]',
    '[os.listdir("/sys/class/net"), connected, isinstance(resolved, int), sockets]',
  ].join('\n');
  expect(await python(code)).toEqual([['lo'], 101, true, []]);
});

test('sockets of other families, namespaces, and the kernel calls that escapes are made of are refused', async () => {
  const code = `
import ctypes, errno, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
calls = {
    "x86_64": {"unshare": 272, "mount": 165, "setns": 308, "ptrace": 101, "bpf": 321, "userfaultfd": 323,
        "keyctl": 250, "io_uring_setup": 425, "perf_event_open": 298, "memfd_create": 319, "process_vm_readv": 310,
        "open_by_handle_at": 304, "clone3": 435, "clone": 56, "prlimit64": 302, "personality": 135},
    "aarch64": {"unshare": 97, "mount": 40, "setns": 268, "ptrace": 117, "bpf": 280, "userfaultfd": 282,
        "keyctl": 219, "io_uring_setup": 425, "perf_event_open": 241, "memfd_create": 279, "process_vm_readv": 270,
        "open_by_handle_at": 265, "clone3": 435, "clone": 220, "prlimit64": 261, "personality": 92},
}[platform.machine()]
first = {"clone": 0x10000011, "unshare": 0x10000000, "prlimit64": 1, "personality": 0x0400000}
result = {}
for name, number in calls.items():
    ctypes.set_errno(0)
    libc.syscall(number, first.get(name, 0), 0, 0, 0, 0, 0)
    result[name] = errno.errorcode.get(ctypes.get_errno())
for family in (38, 40, 16, 17):
    try:
        socket.socket(family, socket.SOCK_RAW).close()
        result[family] = "open"
    except OSError as error:
        result[family] = errno.errorcode[error.errno]
`;
  expect(await python(code)).toEqual({
    unshare: 'EPERM',
    mount: 'EPERM',
    setns: 'EPERM',
    ptrace: 'EPERM',
    bpf: 'EPERM',
    userfaultfd: 'EPERM',
    keyctl: 'EPERM',
    io_uring_setup: 'EPERM',
    perf_event_open: 'EPERM',
    memfd_create: 'EPERM',
    process_vm_readv: 'EPERM',
    open_by_handle_at: 'EPERM',
    clone3: 'ENOSYS',
    clone: 'EPERM',
    prlimit64: 'EPERM',
    personality: 'EPERM',
    16: 'EPERM',
    17: 'EPERM',
    38: 'EPERM',
    40: 'EPERM',
  });
});

test('the supervisor cannot be signalled, traced, or looked into', async () => {
  const code = `
import os, signal
result = []
for name in ("environ", "mem", "maps", "fd/0", "fd/1", "root", "cwd"):
    try:
        os.stat(f"/proc/1/{name}") if "/" in name else open(f"/proc/1/{name}", "rb").read(1)
        result.append(name)
    except OSError:
        pass
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
    os.kill(1, number)
try:
    os.kill(-1, signal.SIGKILL)
except ProcessLookupError:
    result.append("alone")
`;
  expect(await python(code)).toEqual(['alone']);
});

test('a process sees neither the host nor an environment of the runner', async () => {
  const code =
    'import os, socket\n[sorted(os.environ), socket.gethostname(), [p for p in os.listdir("/proc") if p.isdigit()][0]]';
  expect(await python(code)).toEqual([['HOME', 'HOSTNAME', 'LANG', 'PATH', 'TMPDIR'], 'sandbox', '1']);
});
