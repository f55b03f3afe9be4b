/**
 * An upgrade that has to be taken back, on the disks of a machine of its own: real mounts, users and files, in namespaces.
 * systemd is stood in for by a script that starts a server which says that it is ready, unless its release is broken.
 * `systemd.docker.test.ts` has the real one. It needs root, as the reference machine has it.
 */
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { repository } from '../support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'upgrade-'));
let port = 0;

const systemctl = `#!/bin/bash
broken() { [[ $(cat /opt/sallyport/current/RELEASE) == *broken* ]]; }
case "$*" in
  'start sallyport-api.service')
    echo serves >/run/api
    if ! broken; then
      "$NODE" -e 'require("http").createServer((_, answer) => answer.end()).listen(process.env.PORT)' </dev/null >/dev/null 2>&1 &
      echo $! >/run/api.pid
    fi
    ;;
  'stop sallyport-api.service')
    echo stopped >/run/api
    if pid=$(cat /run/api.pid 2>/dev/null); then kill "$pid" && tail --pid="$pid" -f /dev/null && rm /run/api.pid; fi
    ;;
  show*) if broken; then echo 3; else echo 0; fi ;;
esac
exit 0
`;

function writeProgram(name: string, text: string): void {
  writeFileSync(name, text);
  chmodSync(name, 0o755);
}

function makeRelease(name: string, extraBytes = 0): void {
  const release = join(folder, name);
  mkdirSync(join(release, 'bin'), { recursive: true });
  writeProgram(join(release, 'bin/node'), '#!/bin/sh\nexec "$NODE" "$@"\n');
  writeFileSync(join(release, 'RELEASE'), `${name}\n`);
  writeFileSync(join(release, 'extra'), Buffer.alloc(extraBytes));
  cpSync(join(repository, 'deploy'), join(release, 'deploy'), { recursive: true });
}

beforeAll(async () => {
  port = await freePort();
  cpSync('/etc', join(folder, 'etc'), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nsallyport:x:999:999::/:/bin/false\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nsallyport:x:999:\n');
  mkdirSync(join(folder, 'etc/sallyport'));
  mkdirSync(join(folder, 'etc/systemd/system'), { recursive: true });
  writeFileSync(
    join(folder, 'etc/sallyport/api.env'),
    `SALLYPORT_PORT=${port}\nSALLYPORT_POSTGRES_URL=postgres://nowhere.invalid/x\n`,
  );
  mkdirSync(join(folder, 'programs'));
  writeProgram(join(folder, 'programs/systemctl'), systemctl);
  writeProgram(join(folder, 'programs/journalctl'), '#!/bin/sh\necho broken on purpose\n');
  writeProgram(join(folder, 'programs/systemd-sysusers'), '#!/bin/sh\n');
  makeRelease('one');
  makeRelease('two');
  makeRelease('large', 2 * 1024 * 1024);
  makeRelease('broken');
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Upgraded {
  readonly code: number;
  readonly said: string;
  readonly inUse: string;
  readonly api: string;
  readonly releases: string;
  /** Names below the folder of the record. */
  readonly state: string;
}

/** On a machine with release `one` in use, and one MiB of room for releases and for the record each. */
function upgradeTo(release: string, recordBytes: number | null): Promise<Upgraded> {
  const script = `set -e
    mount --bind "$FOLDER/etc" /etc
    for place in /run /opt /var/lib; do mount -t tmpfs -o size=1m,mode=755 tmpfs $place; done
    mkdir -p /run/systemd/system /opt/sallyport/releases /var/lib/sallyport
    cp -R "$FOLDER/one" /opt/sallyport/releases/one
    ln -s /opt/sallyport/releases/one /opt/sallyport/current
    ${recordBytes === null ? '' : `head -c ${recordBytes} /dev/zero >/var/lib/sallyport/record.db`}
    systemctl start sallyport-api.service
    set +e
    said=$("$FOLDER/${release}/deploy/upgrade" 2>&1); code=$?
    "$NODE" -e 'console.log(JSON.stringify(process.argv.slice(1)))' "$code" "$said" \\
      "$(basename "$(readlink /opt/sallyport/current)")" "$(cat /run/api)" "$(ls -x /opt/sallyport/releases)" "$(ls -x /var/lib/sallyport)"`;
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const env = {
    PATH: `${join(folder, 'programs')}:${process.env['PATH']}`,
    NODE: process.execPath,
    FOLDER: folder,
    PORT: String(port),
  };
  return new Promise((resolve, reject) => {
    execFile('unshare', [...namespaces, 'bash', '-c', script], { env }, (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(stderr, { cause: error }));
      const [code, said, inUse, api, releases, state] = JSON.parse(stdout) as string[];
      const words = (text = ''): string => text.split(/\s+/).join(' ');
      resolve({
        code: Number(code),
        said: said ?? '',
        inUse: inUse ?? '',
        api: api ?? '',
        releases: words(releases),
        state: words(state),
      });
    });
  });
}

const unchanged = { code: 1, inUse: 'one', api: 'serves' };

test('the machine of these tests can be upgraded', async () => {
  const upgraded = await upgradeTo('two', 1000);
  expect(upgraded).toMatchObject({ code: 0, inUse: 'two', api: 'serves', releases: 'one two' });
  expect(upgraded.said).toContain('two serves calls; before it was one');
});

test('with the record in PostgreSQL, a release that does not serve is taken back, and nothing is put in place of it', async () => {
  const upgraded = await upgradeTo('broken', null);
  expect(upgraded).toMatchObject({ ...unchanged, state: 'before-upgrade' });
  expect(upgraded.said).toMatch(/broken on purpose[^]*upgrade: one is in use again$/);
});

test('without room to keep the record, nothing is changed, and no part of a copy takes the room that is left', async () => {
  const upgraded = await upgradeTo('two', 600 * 1024);
  expect(upgraded).toMatchObject({ ...unchanged, state: 'record.db' });
  expect(upgraded.said).toMatch(
    /upgrade: the record cannot be kept: is there room in \/var\/lib\/sallyport\? Nothing was changed$/,
  );
});

test('without room for the release, it is not taken into use, and no part of it stays', async () => {
  const upgraded = await upgradeTo('large', 1000);
  expect(upgraded).toMatchObject({ ...unchanged, releases: 'one' });
  expect(upgraded.said).toMatch(
    /upgrade: large cannot be put into \/opt\/sallyport\/releases: is there room\? It was not taken into use$/,
  );
});
