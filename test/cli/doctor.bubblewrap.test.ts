/** Doctor and `/ready` on a host from which something was really taken. Needs root and bubblewrap; no engine. */
import { describe, expect, test } from 'vitest';

import type { Check, DoctorReport, RuntimeFinding } from '../../src/cli/doctor/report.ts';
import { runCli, startServer } from '../support/server.ts';
import { nowhere, withoutBubblewrap, withoutCgroups, withoutUserNamespaces } from '../support/taken-away.ts';

const environment = { DOCKER_HOST: nowhere };

async function examine(
  prefix: readonly string[] = [],
): Promise<{ code: number | null; report: DoctorReport }> {
  const { code, stderr, stdout } = await runCli(['doctor', '--json'], environment, '', prefix);
  expect(stderr).toBe('');
  return { code, report: JSON.parse(stdout) as DoctorReport };
}

function find({ checks, runtimes }: DoctorReport, name: string): Check | RuntimeFinding | undefined {
  return checks.find(({ id }) => id === name) ?? runtimes.find(({ confinement }) => confinement === name);
}

/** What the server itself says of its isolates on the same host. */
async function readyOf(prefix: readonly string[]): Promise<{ confinement: string; reason: string }> {
  await using server = await startServer({ prefix, environment });
  const { body } = await server.request('GET', '/ready');
  const isolate = body.dependencies.find(({ name }: { name: string }) => name === 'isolate');
  return { confinement: isolate.details.confinement, reason: isolate.reason };
}

describe('without a container engine', () => {
  test('isolates are fine under bubblewrap; containers and the engine are not, and it says how to get one', async () => {
    const { code, report } = await examine();
    expect(code).toBe(1);
    expect(report.status).toBe('failed');
    expect(find(report, 'isolates')).toEqual({ id: 'isolates', state: 'ok', found: 'bwrap', remedies: [] });
    expect(find(report, 'bwrap')).toMatchObject({ state: 'works', isUsed: true, reason: null });
    expect(find(report, 'container')).toMatchObject({ state: 'unavailable', isUsed: false });
    expect(find(report, 'runc')).toMatchObject({ state: 'unavailable', isUsed: false });
    expect(find(report, 'engine')).toMatchObject({
      state: 'failed',
      found: expect.stringContaining(`no container engine answers at ${nowhere}`),
      remedies: expect.arrayContaining([expect.stringContaining('apt-get install docker.io')]),
    });
  });
});

describe('without bubblewrap', () => {
  test('only the permission model is left, which is not enough, and it names the package', async () => {
    const { code, report } = await examine(withoutBubblewrap);
    expect(code).toBe(1);
    expect(find(report, 'bwrap')).toMatchObject({
      state: 'unavailable',
      isUsed: false,
      protections: [],
      reason: expect.stringContaining('bubblewrap is not installed'),
      remedies: ['apt-get install bubblewrap'],
    });
    expect(find(report, 'process')).toMatchObject({ state: 'works', isUsed: true });
    expect(find(report, 'isolates')).toMatchObject({
      state: 'failed',
      remedies: expect.arrayContaining(['apt-get install bubblewrap']),
    });
  });

  test('/ready says the same', async () => {
    const { confinement, reason } = await readyOf(withoutBubblewrap);
    expect(confinement).toBe('process');
    expect(reason).toContain('a stronger confinement cannot be used: bwrap: bubblewrap is not installed');
    expect(reason).toContain('container: no container engine answers');
  });
});

describe('without user namespaces', () => {
  test('bubblewrap is there and does not work, and it names the setting', async () => {
    const { code, report } = await examine(withoutUserNamespaces);
    expect(code).toBe(1);
    expect(find(report, 'bwrap')).toMatchObject({
      state: 'unavailable',
      reason: expect.stringContaining('Creating new namespace failed'),
      remedies: ['sysctl -w user.max_user_namespaces=15000, and the same in /etc/sysctl.d/'],
    });
    expect(find(report, 'isolates')).toMatchObject({ state: 'failed' });
  });

  test('/ready says the same', async () => {
    const { confinement, reason } = await readyOf(withoutUserNamespaces);
    expect(confinement).toBe('process');
    expect(reason).toContain('bwrap: a worker cannot be started: bwrap: Creating new namespace failed');
  });
});

test('without writable cgroups: no memory limit can be set, and it says what to do', async () => {
  const { report } = await examine(withoutCgroups);
  expect(find(report, 'cgroups')).toMatchObject({
    state: 'warning',
    found: expect.stringContaining('EROFS'),
    remedies: [expect.stringContaining('Delegate=yes')],
  });
});
