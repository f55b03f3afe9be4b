import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';

import { containerSpec, workerContainerSpec } from '../../src/execution/container/host-config.ts';
import type { ContainerProfile } from '../../src/execution/executor.ts';

const profile: ContainerProfile = {
  kind: 'container',
  tool: 'python_run',
  limits: {
    timeoutMs: 10_000,
    memoryMiB: 256,
    cpus: 1.5,
    pids: 64,
    outputBytes: 1,
    logBytes: 2,
    artifactBytes: 3,
    hostCalls: 4,
  },
  code: null,
  image: { name: 'python', source: { from: 'local', folder: 'python' }, entry: 'json' },
  engineRuntime: 'runc',
};

const placement = {
  imageId: 'sha256:abc',
  cgroupParent: '/sallyport',
  labels: { 'sallyport.instance': 'i1' },
};

test('a sandbox container is built like this, whole', () => {
  const { HostConfig, ...rest } = containerSpec(profile, placement);
  const { SecurityOpt = [], ...host } = HostConfig ?? {};
  expect(rest).toEqual({
    Image: 'sha256:abc',
    Labels: { 'sallyport.instance': 'i1' },
    User: '65534:65534',
    WorkingDir: '/work',
    Hostname: 'sandbox',
    Env: [],
    Tty: false,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: true,
  });
  expect(host).toEqual({
    ReadonlyRootfs: true,
    Tmpfs: {
      '/work': 'rw,noexec,nosuid,nodev,size=134217728,nr_inodes=16384,mode=0700,uid=65534,gid=65534',
      '/tmp': 'rw,noexec,nosuid,nodev,size=67108864,nr_inodes=4096,mode=0700,uid=65534,gid=65534',
    },
    Privileged: false,
    CapDrop: ['ALL'],
    PidsLimit: 64,
    Memory: 268435456,
    MemorySwap: 268435456,
    NanoCpus: 1500000000,
    Ulimits: [
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'nofile', Soft: 1024, Hard: 1024 },
      { Name: 'fsize', Soft: 134217728, Hard: 134217728 },
    ],
    OomScoreAdj: 500,
    NetworkMode: 'none',
    PublishAllPorts: false,
    IpcMode: 'private',
    ShmSize: 16777216,
    CgroupnsMode: 'private',
    CgroupParent: '/sallyport',
    Init: false,
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'none', Config: {} },
    Runtime: 'runc',
  });
  expect(SecurityOpt[0]).toBe('no-new-privileges');
  expect(SecurityOpt.length).toBe(2);
});

test('under gVisor the engine counts threads of gVisor as well; nothing else differs', () => {
  const runc = containerSpec(profile, placement);
  const runsc = containerSpec({ ...profile, engineRuntime: 'runsc' }, placement);
  expect(runsc).toEqual({ ...runc, HostConfig: { ...runc.HostConfig, Runtime: 'runsc', PidsLimit: 192 } });
});

test('the seccomp profile is the one that was reviewed', () => {
  const option = containerSpec(profile, placement).HostConfig?.SecurityOpt?.[1] ?? '';
  expect(createHash('sha256').update(option).digest('hex')).toBe(
    '3edde43325ed49d1541526b6bdf01c7b92e154db0ebf01fd67ee0ed0cb7a3b3c',
  );
});

test('the seccomp profile refuses what it does not list, and lists none of these', () => {
  const option = containerSpec(profile, placement).HostConfig?.SecurityOpt?.[1] ?? '';
  const seccomp = JSON.parse(option.replace(/^seccomp=/, '')) as {
    defaultAction: string;
    syscalls: { names: string[]; action: string; args?: object[] }[];
  };
  expect(seccomp.defaultAction).toBe('SCMP_ACT_ERRNO');
  const allowed = new Set(
    seccomp.syscalls
      .filter((rule) => rule.action === 'SCMP_ACT_ALLOW' && rule.args === undefined)
      .flatMap((rule) => rule.names),
  );
  const refused = [
    'acct add_key bpf chroot clone clone3 delete_module execveat fanotify_init finit_module fsopen init_module',
    'io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl',
    'lookup_dcookie memfd_create memfd_secret modify_ldt mount mount_setattr move_mount name_to_handle_at',
    'open_by_handle_at open_tree perf_event_open personality pidfd_getfd pivot_root process_madvise',
    'process_vm_readv process_vm_writev prlimit64 ptrace quotactl reboot request_key setdomainname sethostname',
    'setns settimeofday socket socketpair splice swapoff swapon syslog tee umount2 unshare userfaultfd vmsplice',
  ]
    .join(' ')
    .split(' ');
  expect(refused.filter((name) => allowed.has(name))).toEqual([]);
});

test('the container of an isolate worker is built like this, whole', () => {
  const shape = { memoryMiB: 384, cpus: 1, pids: 64, engineRuntime: 'runc' as const };
  const { HostConfig, ...rest } = workerContainerSpec(shape, placement, ['--permission', 'worker.js']);
  const { SecurityOpt = [], ...host } = HostConfig ?? {};
  expect(rest).toEqual({
    Image: 'sha256:abc',
    Labels: { 'sallyport.instance': 'i1' },
    User: '65534:65534',
    WorkingDir: '/',
    Hostname: 'sandbox',
    Env: [],
    Cmd: ['--permission', 'worker.js'],
    Tty: false,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: true,
  });
  expect(host).toEqual({
    ReadonlyRootfs: true,
    Privileged: false,
    CapDrop: ['ALL'],
    PidsLimit: 64,
    Memory: 402653184,
    MemorySwap: 402653184,
    NanoCpus: 1000000000,
    Ulimits: [
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'nofile', Soft: 64, Hard: 64 },
      { Name: 'fsize', Soft: 0, Hard: 0 },
    ],
    OomScoreAdj: 500,
    NetworkMode: 'none',
    PublishAllPorts: false,
    IpcMode: 'none',
    CgroupnsMode: 'private',
    CgroupParent: '/sallyport',
    Init: false,
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'none', Config: {} },
    Runtime: 'runc',
  });
  const tool = containerSpec(profile, placement);
  expect(SecurityOpt).toEqual(tool.HostConfig?.SecurityOpt);
});
