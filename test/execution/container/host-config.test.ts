import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { containerSpec } from '../../../src/execution/container/host-config.ts';
import { profileOf } from '../../support/container-calls.ts';

const placement = { imageId: 'sha256:abc', cgroupParent: '/sallyport', labels: { 'sallyport.call': 'c' } };
const plain = JSON.stringify(containerSpec(profileOf('python'), placement));

test('neither the tool, its code, nor the caps that the runner holds change how a container is built', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.record({
        timeoutMs: fc.nat(),
        outputBytes: fc.nat(),
        logBytes: fc.nat(),
        artifactBytes: fc.nat(),
        hostCalls: fc.nat(),
      }),
      (tool, source, caps) => {
        const profile = profileOf('python', { tool, code: { name: tool, source } });
        const spec = containerSpec({ ...profile, limits: { ...profile.limits, ...caps } }, placement);
        expect(JSON.stringify(spec)).toBe(plain);
      },
    ),
  );
});

test('memory, cpus, pids and the engine runtime come from the profile, and change their own fields alone', () => {
  fc.assert(
    fc.property(
      fc.record({
        memoryMiB: fc.integer({ min: 16, max: 65_536 }),
        cpus: fc.double({ min: 0.1, max: 64, noNaN: true }),
        pids: fc.integer({ min: 3, max: 4096 }),
      }),
      fc.constantFrom('runc' as const, 'runsc' as const),
      (shape, engineRuntime) => {
        const profile = profileOf('python', { engineRuntime });
        const { HostConfig: host = {} } = containerSpec(
          { ...profile, limits: { ...profile.limits, ...shape } },
          placement,
        );
        const { HostConfig: usual = {} } = containerSpec(profileOf('python'), placement);
        const changed = Object.keys(host).filter(
          (key) => JSON.stringify(Reflect.get(host, key)) !== JSON.stringify(Reflect.get(usual, key)),
        );
        const own = new Set(['Memory', 'MemorySwap', 'NanoCpus', 'PidsLimit', 'Runtime', 'Tmpfs', 'Ulimits']);
        expect(changed.filter((key) => !own.has(key))).toEqual([]);
        expect(host.Memory).toBe(shape.memoryMiB * 1_048_576);
        expect(host.MemorySwap).toBe(host.Memory);
        // gVisor's own threads count too: 64 at most when it starts, and two for each process of the tool.
        expect(host.PidsLimit).toBe(engineRuntime === 'runc' ? shape.pids : 64 + 2 * shape.pids);
        expect(host.Runtime).toBe(engineRuntime);
      },
    ),
  );
});

test('nothing is ever bound, shared or unmasked', () => {
  const host: object = containerSpec(profileOf('node'), placement).HostConfig ?? {};
  const forbidden = new Set([
    'Binds',
    'Mounts',
    'Devices',
    'VolumesFrom',
    'CapAdd',
    'MaskedPaths',
    'ReadonlyPaths',
    'PidMode',
    'Links',
    'DeviceRequests',
  ]);
  expect(Object.keys(host).filter((key) => forbidden.has(key))).toEqual([]);
});

test.each([
  { memoryMiB: 0 },
  { memoryMiB: -1 },
  { memoryMiB: Number.NaN },
  { cpus: 0 },
  { cpus: 1e-10 },
  { pids: 0 },
  { pids: -1 },
])('%j, which the engine would take for no limit, is refused', (shape) => {
  const profile = profileOf('python');
  expect(() => containerSpec({ ...profile, limits: { ...profile.limits, ...shape } }, placement)).toThrow(
    RangeError,
  );
});
