/** The memory of a call, limited and measured by its worker's cgroup, and by the runner's watch where there is none. */
import { describe, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import { WorkerCgroups } from '../../../src/execution/isolate/cgroup/worker-cgroups.ts';
import type { CollectedRun } from '../../support/collect-run.ts';
import { collectRun } from '../../support/collect-run.ts';
import { createExecutor, limits, toolProfile } from './support.ts';

const mib = 1024 * 1024;
/** Resizable buffers take their pages from the system, past the allocator that counts array buffers. */
const takeBuffers = `export default async ({ mib }) => {
  const buffer = new ArrayBuffer(8, { maxByteLength: mib << 20 });
  for (let n = 1; n <= mib; n += 1) {
    buffer.resize(n << 20);
    new Uint8Array(buffer, (n - 1) << 20).fill(1);
  }
  // Held for some looks of the watch: what goes at once it need not see.
  await new Promise((done) => setTimeout(done, 50));
  return buffer.byteLength >> 20;
};`;

function take(executor: SandboxExecutor, takenMiB: number, memoryMiB: number): Promise<CollectedRun> {
  return collectRun(executor, {
    profile: { ...toolProfile(takeBuffers), limits: { ...limits, memoryMiB } },
    args: { mib: takenMiB },
    limits: { ...limits, memoryMiB },
  });
}

describe.each([
  ['bwrap', 'in cgroups', () => WorkerCgroups.open()],
  ['bwrap', 'without cgroups', () => WorkerCgroups.open(null)],
  ['process', 'in cgroups', () => WorkerCgroups.open()],
  ['process', 'without cgroups', () => WorkerCgroups.open(null)],
] as const)('%s, %s', (confinement, _where, openCgroups) => {
  test('a call that stays within its memory has its peak reported', async () => {
    await using executor = await createExecutor({ confinement, openCgroups });
    const { exit, result, usage } = await take(executor, 40, 128);
    expect({ reason: exit.reason, result }).toEqual({ reason: 'completed', result: '40' });
    expect(usage.memoryPeakBytes).toBeGreaterThan(36 * mib);
    expect(usage.memoryPeakBytes).toBeLessThan(104 * mib);
  });

  test('the peak of one call says nothing of the one before it', async () => {
    await using executor = await createExecutor({ confinement, openCgroups, poolSize: 1 });
    await take(executor, 40, 128);
    const { exit, usage } = await take(executor, 1, 128);
    expect(exit.reason).toBe('completed');
    expect(usage.memoryPeakBytes).toBeLessThan(30 * mib);
  });

  test('a call that takes more ends as out_of_memory, and the next one runs', async () => {
    await using executor = await createExecutor({ confinement, openCgroups });
    const { exit, usage } = await take(executor, 1900, 16);
    expect(exit.reason).toBe('out_of_memory');
    expect(usage.memoryPeakBytes).toBeGreaterThan(60 * mib);
    expect(usage.memoryPeakBytes).toBeLessThan(400 * mib);
    expect((await take(executor, 1, 16)).exit.reason).toBe('completed');
  });

  test('the limit is that of the call: the same worker may take more for one that has more', async () => {
    await using executor = await createExecutor({ confinement, openCgroups, poolSize: 1 });
    expect((await take(executor, 1, 16)).exit.reason).toBe('completed');
    expect((await take(executor, 120, 128)).exit.reason).toBe('completed');
    expect((await take(executor, 120, 16)).exit.reason).toBe('out_of_memory');
  });
});

test('arguments as large as the door lets in do not end a call that asks for little memory', async () => {
  await using executor = await createExecutor({ confinement: 'bwrap' });
  const run = await collectRun(executor, {
    profile: toolProfile('export default ({ text }) => text.length;'),
    args: { text: 'é'.repeat(7 * mib) },
    limits: { ...limits, memoryMiB: 64, timeoutMs: 10_000 },
  });
  expect({ reason: run.exit.reason, result: run.result }).toEqual({
    reason: 'completed',
    result: String(7 * mib),
  });
});
