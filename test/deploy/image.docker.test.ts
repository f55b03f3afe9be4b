/** The image as operators run it: no root, nothing to write, no capability. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { command, docker } from '../support/docker.ts';
import { repository } from '../support/server.ts';

const tag = `sallyport-test:${randomUUID()}`;
const locked = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', '10001'];
const megabyte = 1_000_000;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sallyport-image-'));
  await command('./scripts/image', ['--tag', tag, '--sbom', path.join(folder, 'sbom.json')], {
    cwd: repository,
  });
}, 300_000);
afterAll(async () => {
  await docker('image', 'rm', '--force', tag);
  await rm(folder, { recursive: true });
});

/** Starts the image's own command, locked down; the container is removed with its volume. */
async function startContainer(): Promise<AsyncDisposable & { readonly id: string; readonly url: string }> {
  const id = await docker('run', '--detach', '--publish', '127.0.0.1::8080', ...locked, tag);
  const url = `http://${await docker('port', id, '8080')}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/health`)).status).toBe(200), 20_000);
  return { id, url, [Symbol.asyncDispose]: async () => void (await docker('rm', '-fv', id)) };
}

test('serves calls read-only, without capabilities and as nobody in particular, and ends by SIGTERM in order', async () => {
  await using container = await startContainer();
  const { id, url } = container;

  const answer = JSON.parse(
    await docker('exec', id, 'sallyport', 'call', 'js_run', '--arg', 'code=return 6 * 7'),
  ) as object;
  expect(answer).toMatchObject({ status: 'succeeded', result: 42 });
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  const status = await docker('exec', id, 'node', '-p', 'fs.readFileSync("/proc/1/status", "utf8")');
  expect(status).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m);
  expect(status).toMatch(/^CapEff:\t0+$/m);

  await docker('stop', '--time', '60', id);

  expect(await docker('inspect', '--format', '{{.State.ExitCode}}', id)).toBe('0');
  expect(await docker('logs', id)).toContain('"msg":"stopped"');
});

test('its health check passes where it serves, and fails where nothing does', async () => {
  await using container = await startContainer();
  const check = JSON.parse(
    await docker('image', 'inspect', '--format', '{{json .Config.Healthcheck.Test}}', tag),
  ) as string[];
  expect(check.shift()).toBe('CMD');

  await docker('exec', container.id, ...check);
  await expect(docker('exec', '--env', 'SALLYPORT_PORT=1', container.id, ...check)).rejects.toMatchObject({
    code: 1,
  });
});

test('holds no shell, no package manager, no compiler of types, no source and no test', async () => {
  const id = await docker('create', tag);
  try {
    const names = (await command('sh', ['-c', 'docker export "$1" | tar -t', 'sh', id])).split('\n');
    expect(names).toContain('opt/sallyport/dist/main.js');
    expect(names).toContain('opt/sallyport/node_modules/express/LICENSE');
    const unwanted =
      /(^|\/)(sh|bash|dash|npm|apt|dpkg)$|\.tsx?$|node_modules\/(typescript|vitest|knip|node)\/|sallyport\/(test|src)\//;
    expect(names.filter((name) => unwanted.test(name))).toEqual([]);
  } finally {
    await docker('rm', '-v', id);
  }
});

test('says what is in it: labels, and a CycloneDX document of packages, Node and libraries', async () => {
  const [image] = JSON.parse(await docker('image', 'inspect', tag)) as [
    { Size: number; Config: { Labels: Record<string, string>; User: string } },
  ];
  expect(image.Size).toBeLessThan(200 * megabyte);
  expect(image.Config.User).toBe('10001:10001');
  expect(image.Config.Labels).toMatchObject({
    'org.opencontainers.image.title': 'Sallyport',
    'org.opencontainers.image.version': '0.1.0',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
  });
  const sbom = JSON.parse(await readFile(path.join(folder, 'sbom.json'), 'utf8')) as {
    bomFormat: string;
    components: { purl: string }[];
  };
  expect(sbom.bomFormat).toBe('CycloneDX');
  const packages = sbom.components.map(({ purl }) => purl.replace(/@[^@]*$/, ''));
  expect(packages).toEqual(
    expect.arrayContaining([
      'pkg:npm/express',
      'pkg:npm/isolated-vm',
      'pkg:generic/node',
      'pkg:deb/debian/libc6',
    ]),
  );
  expect(packages).not.toContain('pkg:npm/vitest');
});
