/** Hosts from which something was taken: what is used instead, what is said, and what is refused. Needs root. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../../support/server.ts';

const program = join(repository, 'test/support/select-confinement.ts');

interface Selected {
  readonly confinement: string | null;
  readonly objection: string | null;
  readonly protections?: readonly string[];
  readonly missing?: readonly string[];
}

/** Hosts by what is run before the program; `"$@"` is the program. */
const hosts = {
  whole: 'exec "$@"',
  withoutBubblewrap: 'mount --bind /dev/null /usr/bin/bwrap && exec "$@"',
  withoutUserNamespaces:
    'exec unshare --user --map-root-user sh -c \'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"\' sh "$@"',
  withReadOnlyCgroups:
    'for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/memory /sys/fs/cgroup/pids; do mountpoint -q $hierarchy && mount -o remount,bind,ro $hierarchy; done; exec "$@"',
  withoutCgroups: 'umount --lazy --recursive /sys/fs/cgroup && exec "$@"',
  asOrdinaryUser: 'exec setpriv --reuid 1234 --regid 1234 --clear-groups "$@"',
  asRootOfAContainer: 'exec setpriv --bounding-set -all --inh-caps -all "$@"',
  withoutUtilLinux:
    'mount --bind /dev/null /usr/bin/setpriv; mount --bind /dev/null /usr/bin/prlimit; exec "$@"',
} as const;

function select(host: keyof typeof hosts, choice = 'auto'): Selected {
  const inside = ['--mount', 'sh', '-c', hosts[host], 'sh', process.execPath, program, choice];
  const { status, stderr, stdout } = spawnSync('unshare', inside, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Selected;
}

describe('auto', () => {
  test('takes bubblewrap, with everything, where everything is there', () => {
    expect(select('whole')).toMatchObject({ confinement: 'bwrap', objection: null, missing: [] });
  });

  test('without bubblewrap takes a process, and says why', () => {
    const { confinement, missing, objection } = select('withoutBubblewrap');
    expect(confinement).toBe('process');
    expect(objection).toContain('bwrap: bubblewrap is not installed');
    expect(missing).toContain('seccomp');
  });

  test('without user namespaces takes a process, as a user that it can be, and says why', () => {
    const { confinement, objection, protections } = select('withoutUserNamespaces');
    expect(confinement).toBe('process');
    expect(objection).toContain('max_*_namespaces exceeded');
    expect(protections).not.toContain('host user 65534');
    expect(protections).toContain('no capabilities');
  });

  test.each([
    ['withReadOnlyCgroups', '(EROFS)'],
    ['withoutCgroups', 'is not mounted'],
    ['asOrdinaryUser', '(EACCES)'],
  ] as const)('%s keeps bubblewrap and says what is missing', (host, reason) => {
    const { confinement, missing = [], protections } = select(host);
    expect(confinement).toBe('bwrap');
    expect(protections).toContain('seccomp');
    expect(protections).not.toContain('memory cgroup');
    const lacks = missing.filter((what) => /^(memory|pids) cgroup/.test(what));
    expect(lacks).toHaveLength(2);
    for (const what of lacks) expect(what).toContain(reason);
  });

  test('as an ordinary user loses the other user of the host, and nothing else of the wall', () => {
    const { missing, protections } = select('asOrdinaryUser');
    expect(missing).toContain('host user 65534 (the runner may not change its user)');
    expect(protections).toEqual(
      expect.arrayContaining(['all namespaces', 'seccomp', 'no_new_privs', 'no capabilities', 'user 65534']),
    );
  });

  test('as root of a container that took its capabilities away takes a process', () => {
    const { confinement, objection } = select('asRootOfAContainer');
    expect(confinement).toBe('process');
    expect(objection).toContain('bwrap');
  });

  test('without util-linux still has bubblewrap', () => {
    const { confinement, protections } = select('withoutUtilLinux');
    expect(confinement).toBe('bwrap');
    expect(protections).not.toContain('resource limits');
    expect(protections).not.toContain('host user 65534');
  });
});

describe('a confinement that is named', () => {
  test.each(['withoutBubblewrap', 'withoutUserNamespaces'] as const)('is refused %s', (host) => {
    const { confinement, objection } = select(host, 'bwrap');
    expect(confinement).toBe(null);
    expect(objection).toContain('no confinement of isolate workers works here (bwrap: ');
  });

  test('process is taken though a stronger one is there', () => {
    expect(select('whole', 'process')).toMatchObject({ confinement: 'process', objection: null });
  });
});
