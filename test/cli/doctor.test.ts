/** What doctor makes of what it finds, and how it says it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { checkDataDirectory, checkDisk, checkNode, checkPolicy } from '../../src/cli/doctor/host-checks.ts';
import { judgeIsolates } from '../../src/cli/doctor/isolate-checks.ts';
import { printReport } from '../../src/cli/doctor/print-report.ts';
import type { DoctorReport, RuntimeFinding } from '../../src/cli/doctor/report.ts';
import { createOutput } from '../../src/cli/output.ts';
import { loadConfig } from '../../src/config/config.ts';
import { runcWarning } from '../../src/execution/container/runtime-versions.ts';
import { runCli } from '../support/server.ts';
import { nowhere } from '../support/taken-away.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('what it needs of the host', () => {
  test.each([
    ['26.0.0', 'ok'],
    ['26.10.0', 'ok'],
    ['24.15.0', 'failed'],
    ['20.19.2', 'failed'],
  ])('Node.js %s is %s', (version, state) => {
    expect(checkNode(version).state).toBe(state);
  });

  test('a policy directory with mistakes has its first one named, and the command for the rest', async () => {
    const { check, revision } = await checkPolicy(['test/fixtures/policy/planted']);
    expect(revision).toBeNull();
    expect(check).toMatchObject({
      id: 'policy',
      state: 'failed',
      found: expect.stringContaining('planted/constants.yaml:'),
      remedies: ['sallyport policy lint test/fixtures/policy/planted'],
    });
  });

  test('a data directory is written to; one that cannot be is named with what to do', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    expect((await checkDataDirectory(folder)).state).toBe('ok');
    expect((await checkDataDirectory(path.join(folder, 'not/yet'))).found).toContain(
      `to be made in ${folder}`,
    );
    expect(await checkDataDirectory(file)).toMatchObject({
      state: 'failed',
      found: expect.stringContaining('ENOTDIR'),
      remedies: [expect.stringContaining('SALLYPORT_DATA_DIR')],
    });
    expect((await checkDataDirectory('/proc/nothing')).state).toBe('failed');
  });

  test('a disk with less than its reserve fails', async () => {
    const { config } = loadConfig({ SALLYPORT_DATA_DIR: folder });
    expect((await checkDisk({ ...config, diskReserveBytes: Number.MAX_SAFE_INTEGER })).state).toBe('failed');
  });
});

test.each([
  ['1.0.3', ['CVE-2024-21626', 'CVE-2025-31133']],
  ['1.1.11', ['CVE-2024-21626', 'CVE-2025-31133']],
  ['1.1.12', ['CVE-2025-31133']],
  ['1.2.7', ['CVE-2025-31133']],
  ['1.2.8', []],
  ['1.3.0', ['CVE-2025-31133']],
  ['1.3.2', ['CVE-2025-31133']],
  ['1.3.3', []],
  ['1.4.0', []],
])('runc %s is open to %j', (version, holes) => {
  const said = runcWarning(version) ?? '';
  const open = ['CVE-2024-21626', 'CVE-2025-31133'].filter((hole) => said.includes(hole));
  expect(open).toEqual(holes);
});

describe('what confines isolates', () => {
  const { config } = loadConfig({});
  const finding = (
    confinement: string,
    isUsed: boolean,
    remedies: readonly string[] = [],
  ): RuntimeFinding => ({
    kind: 'isolate',
    confinement,
    state: isUsed ? 'works' : 'unavailable',
    isUsed,
    protections: [],
    missing: [],
    reason: null,
    remedies,
  });

  test('by auto, the permission model alone is not enough', () => {
    const findings = [finding('bwrap', false, ['get bwrap']), finding('process', true)];
    expect(judgeIsolates(findings, config)).toMatchObject({ state: 'failed', remedies: ['get bwrap'] });
  });

  test('asked for by name, it is a warning', () => {
    const asked = { ...config, isolateConfinement: 'process' } as const;
    expect(judgeIsolates([finding('bwrap', false), finding('process', true)], asked).state).toBe('warning');
  });

  test('one that was asked for and does not work fails, whatever else would', () => {
    const asked = { ...config, isolateConfinement: 'container' } as const;
    const findings = [finding('bwrap', false), finding('container', false, ['get an engine'])];
    expect(judgeIsolates(findings, asked)).toMatchObject({
      state: 'failed',
      found: 'container does not work here: no isolate tool can be called',
      remedies: ['get an engine'],
    });
  });
});

describe('how it says so', () => {
  const report: DoctorReport = {
    status: 'failed',
    version: '1.2.3',
    checks: [
      { id: 'node', state: 'ok', found: '26.10.0', remedies: [] },
      { id: 'engine', state: 'failed', found: 'none\u001b[2J', remedies: ['get one'] },
    ],
    runtimes: [
      {
        kind: 'isolate',
        confinement: 'bwrap',
        state: 'works',
        isUsed: true,
        protections: ['a', 'b'],
        missing: [{ what: 'c', remedy: 'get c' }],
        reason: null,
        remedies: [],
      },
    ],
  };

  test('on a terminal: one line a finding, remedies below, nothing from outside obeyed', () => {
    const { paint } = createOutput(false, false);
    expect(printReport(report, paint).split('\n')).toEqual([
      'ok        node            26.10.0',
      'failed    engine          none\\u001b[2J',
      '                          → get one',
      '',
      'JavaScript in isolates: what can confine the workers',
      'used      bwrap           a, b',
      '                          gap: c',
      '                          → get c',
      '',
      'Containers: what can run them',
      '',
      '1 thing that matters is missing',
    ]);
  });

  test('for programs: the fields are a contract', async () => {
    const { code, stdout } = await runCli(['doctor'], { DOCKER_HOST: nowhere });
    const { checks, runtimes, ...rest } = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(rest).toEqual({ status: 'failed', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    for (const check of checks) expect(Object.keys(check)).toEqual(['id', 'state', 'found', 'remedies']);
    for (const runtime of runtimes) {
      expect(Object.keys(runtime).toSorted()).toEqual([
        'confinement',
        'isUsed',
        'kind',
        'missing',
        'protections',
        'reason',
        'remedies',
        'state',
      ]);
    }
    expect(checks.map(({ id }: { id: string }) => id)).toEqual([
      'node',
      'isolated-vm',
      'policy',
      'data-directory',
      'disk',
      'cgroups',
      'engine',
      'isolates',
    ]);
    expect(runtimes.map(({ confinement }: { confinement: string }) => confinement)).toEqual([
      'bwrap',
      'container',
      'process',
      'runc',
      'runsc',
    ]);
  });

  test('called wrongly it ends with 2; a setting that is wrong, too', async () => {
    expect((await runCli(['doctor', '--nonsense'])).code).toBe(2);
    const wrong = await runCli(['doctor'], { SALLYPORT_ISOLATE_CONFINEMENT: 'bubblewrap' });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('must be one of auto, bwrap, container, process');
  });
});
