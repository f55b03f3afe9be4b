/** A release on a machine with systemd: a real one, booted in a container. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Call } from '../../src/model/call.ts';
import { command, docker } from '../support/docker.ts';
import { repository } from '../support/server.ts';

const image = 'sallyport-test/systemd:bookworm';
const name = `sallyport-systemd-${randomUUID()}`;
const machine = `FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -q -y --no-install-recommends systemd bubblewrap util-linux libatomic1 libstdc++6 \\
 && rm -rf /var/lib/apt/lists/*
LABEL sallyport.stand-in=systemd
STOPSIGNAL SIGRTMIN+3
`;
/** What systemd needs, and no more than the machine that runs the tests may have itself. */
const capabilities =
  'SYS_ADMIN SETUID SETGID CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER KILL NET_ADMIN SYS_PTRACE SYS_CHROOT MKNOD AUDIT_WRITE SETPCAP FSETID SETFCAP';
const boot =
  'mount --make-rshared / && umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /lib/systemd/systemd';
let folder: string;
let release: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sallyport-release-'));
  await command('sh', [
    '-c',
    'printf "%s" "$1" | DOCKER_BUILDKIT=0 docker build -q -t "$2" -',
    'sh',
    machine,
    image,
  ]);
  const archive = await command('./scripts/release', ['--out', folder], { cwd: repository });
  release = `/root/${path.basename(archive).replace(/-linux-\w+\.tar\.gz$/, '')}`;
  await docker(...bootArguments());
  await docker('cp', archive, `${name}:/root/release.tar.gz`);
  await inside('tar -xzf /root/release.tar.gz -C /root');
  await inside('until [ -S /run/systemd/private ]; do sleep 0.1; done; systemctl is-system-running --wait');
  await inside(`${release}/deploy/install`);
}, 600_000);
afterAll(async () => {
  await docker('rm', '--force', '--volumes', name);
  await rm(folder, { recursive: true });
});

function bootArguments(): readonly string[] {
  const added = capabilities.split(' ').flatMap((capability) => ['--cap-add', capability]);
  const unconfined = ['seccomp', 'apparmor', 'systempaths'].flatMap((what) => [
    '--security-opt',
    `${what}=unconfined`,
  ]);
  const options = `--detach --network none --cgroupns private --tmpfs /run:exec --tmpfs /tmp:exec --env container=docker`;
  const walls = ['--cap-drop', 'ALL', ...added, ...unconfined];
  return ['run', '--name', name, ...options.split(' '), ...walls, image, 'bash', '-c', boot];
}

function inside(script: string): Promise<string> {
  return docker('exec', name, 'bash', '-c', script);
}

async function sallyport(...args: readonly string[]): Promise<unknown> {
  const quoted = args.map((arg) => `'${arg}'`).join(' ');
  return JSON.parse(
    await inside(`SALLYPORT_API_KEY=$(cat /var/lib/sallyport/bootstrap.key) sallyport --json ${quoted}`),
  ) as unknown;
}

const callIsolate = async (code: string): Promise<Call> =>
  (await sallyport('call', 'js_run', '--arg', `code=${code}`)) as Call;

/** Another release, of the same program unless a script changes it. Gives its folder. */
async function makeRelease(next: string, change = 'true'): Promise<string> {
  await inside(
    `cp -Rl ${release} /root/${next} && cd /root/${next} && rm RELEASE && echo ${next} >RELEASE && ${change}`,
  );
  return `/root/${next}`;
}

const inUse = (): Promise<string> => inside('basename $(readlink /opt/sallyport/current)');

async function expectKept(calls: readonly Call[]): Promise<void> {
  const outcomes = (await sallyport('audit', 'list', '--type', 'outcome')) as { items: { callId: string }[] };
  const ids = outcomes.items.map(({ callId }) => callId);
  expect(ids).toEqual(expect.arrayContaining(calls.map(({ id }) => id)));
  expect(await sallyport('audit', 'verify')).toMatchObject({ valid: true });
}

describe('the units', () => {
  const files = ['api', 'runner'].map((part) => `/etc/systemd/system/sallyport-${part}.service`);

  test('systemd finds nothing to object to in them', async () => {
    expect(await inside(`systemd-analyze verify ${files.join(' ')} 2>&1`)).toBe('');
  });

  test('expose the api by no more than 2.5 of 10, and the runner by no more than 3', async () => {
    const exposures = await Promise.all(
      files.map(async (file) => {
        const report = await inside(`systemd-analyze security --offline=true --no-pager ${file}`);
        return Number(/exposure level .*: (\d+\.\d)/.exec(report)?.[1]);
      }),
    );
    expect(exposures[0]).toBeLessThanOrEqual(2.5);
    expect(exposures[1]).toBeLessThanOrEqual(3);
  });
});

describe('what is installed', () => {
  test('serves calls: isolates under bubblewrap, from a runner of another user', async () => {
    expect(await callIsolate('return 6 * 7')).toMatchObject({
      status: 'succeeded',
      result: 42,
      runtime: { kind: 'isolate', confinement: 'bwrap' },
    });
    const users = await inside(
      'for unit in api runner; do stat -c %U /proc/$(systemctl show --property MainPID --value sallyport-$unit); done',
    );
    expect(users.split('\n')).toEqual(['sallyport', 'sallyport-runner']);
    const groups = await inside('id -nG sallyport && id -nG sallyport-runner');
    expect(groups.split('\n').map((line) => line.split(' ').toSorted())).toEqual([
      ['sallyport'],
      ['docker', 'sallyport', 'sallyport-runner'],
    ]);
  });

  test('is told to reload, and goes on', async () => {
    const pid = await inside('systemctl show --property MainPID --value sallyport-api');
    await inside('systemctl reload sallyport-api sallyport-runner');
    expect((await callIsolate('return 0')).status).toBe('succeeded');
    expect(await inside('systemctl show --property MainPID --value sallyport-api')).toBe(pid);
  });

  test('keeps secrets from everybody but whom they are for', async () => {
    expect(await inside('stat -c "%U %a" /etc/sallyport/credentials /etc/sallyport/credentials/*')).toBe(
      'root 700\nroot 600\nroot 600',
    );
    expect(await inside('stat -c "%U %a" /var/lib/sallyport /var/lib/sallyport/bootstrap.key')).toBe(
      'sallyport 700\nsallyport 600',
    );
    const environment = await inside(
      "tr '\\0' '\\n' </proc/$(systemctl show --property MainPID --value sallyport-api)/environ",
    );
    const secret = await inside('cat /etc/sallyport/credentials/sealing-key');
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(environment).not.toContain(secret);
  });

  test('installed once more, keeps what an operator changed', async () => {
    await inside('echo SALLYPORT_LOG_LEVEL=debug >/etc/sallyport/api.env');
    const before = await inside('cat /etc/sallyport/credentials/*');
    await inside(`${release}/deploy/install`);
    expect(await inside('cat /etc/sallyport/api.env')).toBe('SALLYPORT_LOG_LEVEL=debug');
    expect(await inside('cat /etc/sallyport/credentials/*')).toBe(before);
  });

  test('comes back by itself after kill -9, with everything that it answered', async () => {
    const kept = await callIsolate('return 1');
    await inside('systemctl kill --signal KILL sallyport-api sallyport-runner');
    await vi.waitFor(async () => expect((await callIsolate('return 2')).status).toBe('succeeded'), 20_000);
    await expectKept([kept]);
  });
});

describe('an upgrade', () => {
  test('takes the new release into use, and back, without losing what was answered', async () => {
    const kept = await callIsolate('return "before"');
    const next = await makeRelease('sallyport-9.0.0-next');
    await inside(`${next}/deploy/upgrade`);
    expect(await inUse()).toBe('sallyport-9.0.0-next');
    const later = await callIsolate('return "after"');
    await expectKept([kept, later]);

    await inside('/opt/sallyport/current/deploy/upgrade --rollback');
    expect(await inUse()).toBe(path.basename(release));
    await expectKept([kept, later]);
  }, 60_000);

  test('to a release that changes the record and then does not serve is taken back, record and all', async () => {
    const kept = await callIsolate('return "kept"');
    const breaking = `import Database from "better-sqlite3";
if (process.argv[2] === "serve") {
  new Database("/var/lib/sallyport/record.db").pragma("user_version = 999");
  throw new Error("broken on purpose");
}`;
    const broken = await makeRelease(
      'sallyport-9.0.1-broken',
      `printf '%s' '${breaking}' >main && mv main dist/main.js`,
    );

    await expect(inside(`${broken}/deploy/upgrade`)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/broken on purpose[^]*is in use again/),
    });

    expect(await inUse()).toBe(path.basename(release));
    expect((await callIsolate('return 3')).status).toBe('succeeded');
    await expectKept([kept]);
  }, 90_000);
});
