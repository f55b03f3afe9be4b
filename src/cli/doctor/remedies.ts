/** How to get what is missing, on Debian and Ubuntu, from what the kernel says of itself. Only consulted after something failed. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import type { MissingProtection } from './report.ts';

const bwrap = '/usr/bin/bwrap';

/** Why bubblewrap may have failed, most likely first. Empty: nothing that is known stands in its way. */
export function bwrapRemedies(): string[] {
  if (process.platform !== 'linux')
    return ['bubblewrap is for Linux: run the server there for this confinement'];
  const remedies: string[] = [];
  if (!isExecutable(bwrap)) remedies.push('apt-get install bubblewrap');
  if (sysctl('user/max_user_namespaces') === 0)
    remedies.push('sysctl -w user.max_user_namespaces=15000, and the same in /etc/sysctl.d/');
  if (sysctl('kernel/unprivileged_userns_clone') === 0)
    remedies.push('sysctl -w kernel.unprivileged_userns_clone=1, and the same in /etc/sysctl.d/');
  if (sysctl('kernel/apparmor_restrict_unprivileged_userns') === 1)
    remedies.push(
      'apt-get install apparmor-profiles, then ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ and apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict',
    );
  if (remedies.length === 0 && (existsSync('/.dockerenv') || existsSync('/run/.containerenv')))
    remedies.push(
      'inside a container: give the runner the engine and set SALLYPORT_ISOLATE_CONFINEMENT=container',
    );
  return remedies;
}

export const engineRemedies: readonly string[] = [
  'apt-get install docker.io, start it, and let this user reach its socket',
  'or set DOCKER_HOST to an engine that runs: unix:///path or tcp://host:port',
];

export const runscRemedies: readonly string[] = [
  'apt-get install -t bookworm-backports runsc (Debian 12), apt-get install runsc (Debian 13)',
  'then "runtimes": {"runsc": {"path": "/usr/bin/runsc", "runtimeArgs": ["--platform=systrap"]}} in /etc/docker/daemon.json, and restart the engine',
];

/** What a confinement says that it lacks, with the way to it. */
const protectionRemedies: readonly (readonly [RegExp, string])[] = [
  [/\/usr\/bin\/(setpriv|prlimit|unshare)/, 'apt-get install util-linux'],
  [/^namespaces/, 'use the confinement bwrap or container'],
  [/^seccomp/, 'use the confinement container'],
  [
    /cgroup/,
    'use the confinement container; for processes of this host: mount /sys/fs/cgroup writable and run the server as root, or delegate a cgroup to it (systemd: Delegate=yes)',
  ],
  [
    /no total memory limit/,
    'run the server as root on the machine of the engine, with /sys/fs/cgroup writable',
  ],
  [/^runc /, 'apt-get install --only-upgrade runc'],
  [/no seccomp/, 'run an engine that was built with seccomp: docker.io of Debian and Ubuntu is'],
];

export function withRemedy(what: string): MissingProtection {
  const [, remedy = null] = protectionRemedies.find(([pattern]) => pattern.test(what)) ?? [];
  return { what, remedy };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Null where this kernel has no such setting. */
function sysctl(name: string): number | null {
  try {
    return Number(readFileSync(`/proc/sys/${name}`, 'utf8'));
  } catch {
    return null;
  }
}
