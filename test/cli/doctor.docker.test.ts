/** Doctor with a container engine. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { examineHost } from '../../src/cli/doctor/examine.ts';
import type { Check, DoctorReport, RuntimeFinding } from '../../src/cli/doctor/report.ts';
import { loadConfig } from '../../src/config/config.ts';
import { engine, buildWorkerImage } from '../support/contained-isolates.ts';
import { buildImages, imagesDirectory } from '../support/container-calls.ts';
import { runCli, startServer } from '../support/server.ts';
import { withoutBubblewrap, withoutCgroups } from '../support/taken-away.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'doctor-'));
const environment = { DOCKER_HOST: process.env['DOCKER_HOST'] };

beforeAll(async () => {
  await buildWorkerImage();
  await buildImages('python', 'node', 'shell');
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function examine(
  prefix: readonly string[] = [],
): Promise<{ code: number | null; report: DoctorReport }> {
  const { code, stdout } = await runCli(['doctor', '--json'], environment, '', prefix);
  return { code, report: JSON.parse(stdout) as DoctorReport };
}

function find({ checks, runtimes }: DoctorReport, name: string): Check | RuntimeFinding | undefined {
  return checks.find(({ id }) => id === name) ?? runtimes.find(({ confinement }) => confinement === name);
}

test('containers under runc and isolates in containers are proved by starting them', async () => {
  const { code, report } = await examine();
  expect({ code, status: report.status }).toEqual({ code: 0, status: 'ok' });
  expect(find(report, 'container')).toMatchObject({ state: 'works', reason: null });
  expect(find(report, 'runc')).toMatchObject({ id: 'runc' });
  expect(report.runtimes.find(({ confinement }) => confinement === 'runc')).toMatchObject({
    kind: 'container',
    state: 'works',
    isUsed: true,
  });
  expect(find(report, 'containers')).toEqual({ id: 'containers', state: 'ok', found: 'runc', remedies: [] });
  const filters = { label: ['sallyport.instance'] };
  const left = await engine.docker.listContainers({ all: true, filters });
  expect(left.filter(({ Labels }) => Labels['sallyport.instance']?.startsWith('doctor-'))).toEqual([]);
});

test('without bubblewrap the container confines isolate workers, and that is fine', async () => {
  const { code, report } = await examine(withoutBubblewrap);
  expect({ code, status: report.status }).toEqual({ code: 0, status: 'ok' });
  expect(find(report, 'bwrap')).toMatchObject({
    state: 'unavailable',
    remedies: ['apt-get install bubblewrap'],
  });
  expect(find(report, 'container')).toMatchObject({ state: 'works', isUsed: true });
  expect(find(report, 'isolates')).toEqual({ id: 'isolates', state: 'ok', found: 'container', remedies: [] });
});

test('without writable cgroups all containers together have no limit: doctor and /ready say so', async () => {
  const { report } = await examine(withoutCgroups);
  const runc = report.runtimes.find(({ confinement }) => confinement === 'runc');
  const gap = expect.objectContaining({ what: expect.stringContaining('no total memory limit') });
  expect(runc?.missing).toEqual(expect.arrayContaining([gap]));
  await using server = await startServer({ prefix: withoutCgroups });
  const { body } = await server.request('GET', '/ready');
  const containers = body.dependencies.find(({ name }: { name: string }) => name === 'container');
  expect(containers.reason).toContain('no total memory limit');
});

test('images that are not built are named with the command', async () => {
  const changed = path.join(folder, 'images');
  cpSync(imagesDirectory, changed, { recursive: true });
  for (const image of ['shell', 'isolate']) writeFileSync(path.join(changed, image, 'new'), '');
  const report = await examineHost(loadConfig(environment).config, changed, { isDeep: false });
  expect(report.status).toBe('failed');
  expect(find(report, 'images')).toEqual({
    id: 'images',
    state: 'failed',
    found: 'not built: shell',
    remedies: ['sallyport images build shell'],
  });
  expect(find(report, 'container')).toMatchObject({
    state: 'unavailable',
    remedies: ['sallyport images build isolate'],
  });
});
