import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { prepareCgroupParent } from '../../../src/execution/container/cgroup-parent.ts';
import type { EngineFacts } from '../../../src/execution/container/engine.ts';

const root = mkdtempSync(path.join(tmpdir(), 'sallyport-cgroup-'));
afterAll(() => rmSync(root, { recursive: true }));

const facts: EngineFacts = {
  version: '20.10.24',
  apiVersion: '1.41',
  architecture: 'x64',
  runscPath: null,
  runscRelease: null,
  objections: { runc: null, runsc: null },
  runcVersion: '1.1.12',
  runtimes: ['runc'],
  cgroupDriver: 'cgroupfs',
  cgroupVersion: '1',
  hasSeccomp: true,
  warnings: [],
};

test('on cgroup v1 the parent gets a total limit and a low weight', async () => {
  mkdirSync(path.join(root, 'memory'));
  mkdirSync(path.join(root, 'cpu'));
  const parent = await prepareCgroupParent(facts, root);
  expect(parent).toMatchObject({ name: '/sallyport', reason: null });
  expect(readFileSync(path.join(root, 'memory/sallyport/memory.limit_in_bytes'), 'utf8')).toBe(
    String(parent.memoryBytesMax),
  );
  expect(readFileSync(path.join(root, 'cpu/sallyport/cpu.shares'), 'utf8')).toBe('256');
  expect(parent.memoryBytesMax).toBeLessThan(totalmem());
});

test('on cgroup v2 as well', async () => {
  const parent = await prepareCgroupParent({ ...facts, cgroupVersion: '2' }, root);
  expect(parent).toMatchObject({ name: '/sallyport', reason: null });
  expect(readFileSync(path.join(root, 'sallyport/cpu.weight'), 'utf8')).toBe('25');
});

test('where the files cannot be written, the missing limit is reported', async () => {
  expect(await prepareCgroupParent(facts, path.join(root, 'nowhere'))).toEqual({
    name: '/sallyport',
    memoryBytesMax: null,
    weights: null,
    reason: "this process cannot write the engine's cgroup files (ENOENT)",
  });
});

test('with the systemd driver the parent is a slice, whose limits are set on the host', async () => {
  expect(await prepareCgroupParent({ ...facts, cgroupDriver: 'systemd' }, root)).toEqual({
    name: 'sallyport.slice',
    memoryBytesMax: null,
    weights: null,
    reason: "with the engine's systemd cgroup driver, limits of sallyport.slice are set on the host",
  });
});
