/** What `doctor --deep` tries from inside: it all holds in a sandbox, and nearly nothing where nothing is locked down. */
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, expect, test } from 'vitest';

import { Engine } from '../../../src/execution/container/engine.ts';
import {
  examineHardening,
  hardeningScript,
  readHardening,
} from '../../../src/execution/container/hardening.ts';
import { resolveImage } from '../../../src/execution/container/images.ts';
import {
  buildImages,
  dockerHost,
  imagesDirectory,
  openExecutor,
  profileOf,
} from '../../support/container-calls.ts';

/** What this project adds to what an engine does by itself. */
const lockedDown = [
  'user 65534',
  'no capabilities',
  'no capabilities to gain',
  'no_new_privs',
  'seccomp filter',
  'read-only root',
  'no programs from /work',
  'no programs from /tmp',
  'no network',
  'no raw sockets',
  'no packet sockets',
  'no engine socket',
  'no processes of others',
  'few open files',
];

beforeAll(async () => await buildImages('shell'), 600_000);

test('a container under runc holds against all of it', async () => {
  await using executor = openExecutor();
  expect((await examineHardening(executor, 'runc'))?.open).toEqual([]);
});

test('where nothing is locked down the same script says so', async () => {
  const { docker } = new Engine(dockerHost);
  const printed = new PassThrough();
  const said = buffer(printed);
  await docker.run(
    await resolveImage(new Engine(dockerHost), imagesDirectory, profileOf('shell').image),
    ['-c', hardeningScript('runc')],
    [printed, new PassThrough().resume()],
    {
      Entrypoint: ['/bin/sh'],
      User: '0:0',
      Tty: false,
      HostConfig: {
        SecurityOpt: ['seccomp=unconfined'],
        PidMode: 'host',
        AutoRemove: true,
        Binds: [`${socketOf(dockerHost)}:/var/run/docker.sock`],
        Tmpfs: { '/tmp': 'rw,exec', '/work': 'rw,exec' },
        Ulimits: [{ Name: 'nofile', Soft: 4096, Hard: 4096 }],
      },
    },
  );
  printed.end();
  const { open } = readHardening('runc', (await said).toString());
  expect(open).toEqual(expect.arrayContaining(lockedDown));
});

function socketOf(address: string | null): string {
  return new URL(address ?? 'unix:///var/run/docker.sock').pathname;
}
