/**
 * How every sandbox container is built. Trusted: the profile, which comes from policy alone. No request, and
 * nothing of the host but the engine's answers, has a say here; a test compares the whole with a literal.
 */
import { readFileSync } from 'node:fs';
import type { ContainerCreateOptions, HostConfig } from 'dockerode';

import type { ContainerProfile } from '../executor.ts';
import type { Limits } from '../../model/limits.ts';

const mebibyte = 1024 * 1024;
const sandboxUser = 65534;
const memoryMiBMin = 16;
const cpusMin = 0.01;
/** The supervisor, its child, and one more. */
const pidsMin = 3;
/** Open files of a worker: Node itself takes about 25. */
const workerOpenFilesMax = 64;

/** Own profile: what is not listed is refused. Docker Engine API v1.41, HostConfig.SecurityOpt. */
const seccompProfile = JSON.stringify(
  JSON.parse(readFileSync(new URL('./seccomp.json', import.meta.url), 'utf8')) as unknown,
);

/** Half of the memory can be files under /work, a quarter under /tmp: they count as memory of the container. */
export function workBytesMax(memoryMiB: number): number {
  return Math.floor(memoryMiB / 2) * mebibyte;
}

/** Docker Engine API v1.41; missing in the library's types. */
type SandboxHostConfig = HostConfig & { readonly CgroupnsMode: 'private' };

/** What the executor itself adds to a profile. */
export interface Placement {
  /** Local image id, `sha256:…`. */
  readonly imageId: string;
  readonly cgroupParent: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What policy says of a container's size, and which program of the engine runs it. */
export interface ContainerShape {
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly pids: number;
  readonly engineRuntime: ContainerProfile['engineRuntime'];
}

/** The part of a profile that its container is built from. */
interface ProfileShape extends Pick<ContainerProfile, 'engineRuntime'> {
  readonly limits: Pick<Limits, 'memoryMiB' | 'cpus' | 'pids'>;
}

/** The container of a tool's call. Throws RangeError on limits that the engine would take for none. */
export function containerSpec(profile: ProfileShape, placement: Placement): ContainerCreateOptions {
  const { memoryMiB, cpus, pids } = profile.limits;
  const shape = { memoryMiB, cpus, pids, engineRuntime: profile.engineRuntime };
  const workBytes = workBytesMax(memoryMiB);
  const tmpBytes = Math.floor(memoryMiB / 4) * mebibyte;
  return {
    ...attachedSpec(placement),
    WorkingDir: '/work',
    HostConfig: {
      ...hostConfig(shape, placement.cgroupParent),
      Tmpfs: {
        '/work': tmpfs(workBytes, 16_384, '0700'),
        '/tmp': tmpfs(tmpBytes, 4_096, '0700'),
      },
      Ulimits: ulimits({ openFiles: 1024, fileBytes: workBytes }),
      IpcMode: 'private',
      ShmSize: 16 * mebibyte,
    },
  };
}

/**
 * The container of an isolate worker: as a tool's, and nothing in it can be written at all. `command` goes to the
 * image's entrypoint. Throws RangeError on limits that the engine would take for none.
 */
export function workerContainerSpec(
  shape: ContainerShape,
  placement: Placement,
  command: readonly string[],
): ContainerCreateOptions {
  return {
    ...attachedSpec(placement),
    WorkingDir: '/',
    Cmd: [...command],
    HostConfig: {
      ...hostConfig(shape, placement.cgroupParent),
      Ulimits: ulimits({ openFiles: workerOpenFilesMax, fileBytes: 0 }),
      // No /dev/shm: the one place that a read-only root leaves writable.
      IpcMode: 'none',
    },
  };
}

function attachedSpec(placement: Placement): ContainerCreateOptions {
  return {
    Image: placement.imageId,
    Labels: { ...placement.labels },
    User: `${sandboxUser}:${sandboxUser}`,
    Hostname: 'sandbox',
    Env: [],
    Tty: false,
    OpenStdin: true,
    // What is process 1 ends everything when its stdin ends, which is when our end of the attached stream is gone.
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: true,
  };
}

/**
 * MaskedPaths and ReadonlyPaths are never sent: the engine's own lists hold, and an empty one would unmask.
 * `Init: false`, as supervisor and worker are process 1 themselves: no process in the container can then signal them.
 */
function hostConfig(shape: ContainerShape, cgroupParent: string): SandboxHostConfig {
  const { memoryMiB, cpus, pids } = shape;
  // Zero means unlimited to the engine.
  if (!(memoryMiB >= memoryMiBMin) || !(cpus >= cpusMin) || !(pids >= pidsMin)) {
    throw new RangeError(
      `a container needs at least ${memoryMiBMin} MiB, ${cpusMin} cpus and ${pidsMin} pids; its limits are ${memoryMiB}, ${cpus} and ${pids}`,
    );
  }
  return {
    ReadonlyRootfs: true,
    Privileged: false,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges', `seccomp=${seccompProfile}`],
    PidsLimit: shape.engineRuntime === 'runsc' ? gvisorPids(pids) : pids,
    Memory: memoryMiB * mebibyte,
    MemorySwap: memoryMiB * mebibyte,
    NanoCpus: Math.round(cpus * 1e9),
    OomScoreAdj: 500,
    NetworkMode: 'none',
    PublishAllPorts: false,
    CgroupnsMode: 'private',
    CgroupParent: cgroupParent,
    Init: false,
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'none', Config: {} },
    Runtime: shape.engineRuntime,
  };
}

/**
 * The engine counts threads of gVisor itself: 26 with an idle interpreter in it, and two for each further process
 * (measured, runsc 20240729 with systrap). At the limit gVisor ends, and the sandbox with it.
 */
function gvisorPids(pids: number): number {
  return 64 + 2 * pids;
}

function ulimits(limits: { readonly openFiles: number; readonly fileBytes: number }): HostConfig['Ulimits'] {
  return [
    { Name: 'core', Soft: 0, Hard: 0 },
    { Name: 'nofile', Soft: limits.openFiles, Hard: limits.openFiles },
    { Name: 'fsize', Soft: limits.fileBytes, Hard: limits.fileBytes },
  ];
}

function tmpfs(bytes: number, inodes: number, mode: string): string {
  return `rw,noexec,nosuid,nodev,size=${bytes},nr_inodes=${inodes},mode=${mode},uid=${sandboxUser},gid=${sandboxUser}`;
}
