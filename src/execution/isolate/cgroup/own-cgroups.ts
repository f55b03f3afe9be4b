/** Where this process stands in the kernel's cgroup hierarchies: cgroups(7), `/proc/PID/cgroup`, `/proc/PID/mountinfo`. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export type Controller = 'memory' | 'pids' | 'cpu';

export interface CgroupPlace {
  readonly version: 1 | 2;
  /** The cgroup of this process as a folder, absolute. */
  readonly folder: string;
}

/** A place, or why there is none. */
export type OwnCgroups = Readonly<Record<Controller, CgroupPlace | string>>;

export interface CgroupSources {
  readonly cgroup: string;
  readonly mountinfo: string;
}

interface Mount {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Null where the kernel has no such files (macOS). */
export function readCgroupSources(): CgroupSources | null {
  try {
    return {
      cgroup: readFileSync('/proc/self/cgroup', 'utf8'),
      mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'),
    };
  } catch {
    return null;
  }
}

/** Each controller belongs to a hierarchy of version 1 of its own, or else to the one of version 2. */
export function findOwnCgroups({ cgroup, mountinfo }: CgroupSources): OwnCgroups {
  const mounts = parseMounts(mountinfo);
  const memberships = cgroup.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers, path }];
  });
  const find = (controller: Controller): CgroupPlace | string => {
    const first = memberships.find(({ controllers }) => controllers.split(',').includes(controller));
    const membership = first ?? memberships.find(({ controllers }) => controllers === '');
    if (membership === undefined) return `the kernel has no ${controller} cgroups`;
    const version = first === undefined ? 2 : 1;
    const mount = mounts.find(({ type, options }) =>
      version === 2 ? type === 'cgroup2' : type === 'cgroup' && options.includes(controller),
    );
    if (mount === undefined) return `the cgroup hierarchy of ${controller} is not mounted`;
    const below = relative(mount.root, membership.path);
    // A cgroup namespace shows what lies above it as `/..`.
    if ([below, membership.path].some((path) => path.split('/').includes('..')))
      return `this process's ${controller} cgroup lies outside of what is mounted`;
    return { version, folder: join(mount.point, below) };
  };
  return { memory: find('memory'), pids: find('pids'), cpu: find('cpu') };
}

/** proc_pid_mountinfo(5): `36 35 98:0 ROOT POINT OPTIONS … - TYPE SOURCE SUPEROPTIONS`; spaces are written `\040`. */
function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , , root, point] = before?.split(' ') ?? [];
    const [type, , options] = after?.split(' ') ?? [];
    if (root === undefined || point === undefined || type === undefined || options === undefined) return [];
    return [{ root: unescape(root), point: unescape(point), type, options: options.split(',') }];
  });
}

function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
