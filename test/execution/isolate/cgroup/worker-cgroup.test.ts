/** What is written where, in both versions of the kernel's interface; plain files stand for it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CgroupMemory, prepareFolders } from '../../../../src/execution/isolate/cgroup/worker-cgroup.ts';

const mib = 1024 * 1024;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cgroup-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function read(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

const versionOne = {
  'memory.usage_in_bytes': `${50 * mib}`,
  'memory.max_usage_in_bytes': `${60 * mib}`,
  'memory.limit_in_bytes': '',
  'memory.memsw.limit_in_bytes': '',
};
const versionTwo = { 'memory.current': `${50 * mib}`, 'memory.max': '' };

describe('version 1', () => {
  test('starts with a limit for the start, with swap counted in and none to use', () => {
    write(versionOne);
    new CgroupMemory(folder, 1).close();
    expect(read('memory.limit_in_bytes')).toBe(`${512 * mib}`);
    expect(read('memory.memsw.limit_in_bytes')).toBe(`${512 * mib}`);
    expect(read('memory.swappiness')).toBe('0');
  });

  test('a call may add what it may add to what is there, in steps of 16 MiB', () => {
    write(versionOne);
    const memory = new CgroupMemory(folder, 1);
    memory.startCall(600 * mib);
    expect(read('memory.limit_in_bytes')).toBe(`${656 * mib}`);
    expect(read('memory.memsw.limit_in_bytes')).toBe(`${656 * mib}`);
    memory.close();
  });

  test('a limit that stays the same is not written again', () => {
    write(versionOne);
    const memory = new CgroupMemory(folder, 1);
    memory.startCall(600 * mib);
    write({ 'memory.limit_in_bytes': 'untouched' });
    memory.startCall(601 * mib);
    expect(read('memory.limit_in_bytes')).toBe('untouched');
    memory.close();
  });

  test('needs no watch: the peak is set back at each call', () => {
    write(versionOne);
    const memory = new CgroupMemory(folder, 1);
    expect(memory.needsWatch).toBe(false);
    write({ 'memory.max_usage_in_bytes': `${90 * mib}` });
    memory.startCall(mib);
    expect(read('memory.max_usage_in_bytes').slice(0, 1)).toBe('0');
    write({ 'memory.max_usage_in_bytes': `${57 * mib}` });
    expect(memory.peakGrowthBytes()).toBe(7 * mib);
    memory.close();
    expect(memory.peakGrowthBytes()).toBe(7 * mib);
  });

  test('knows who was ended for memory', () => {
    write({ ...versionOne, 'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n' });
    const memory = new CgroupMemory(folder, 1);
    expect(memory.wasKilledForMemory()).toBe(true);
    write({ 'memory.oom_control': 'oom_kill_disable 0\nunder_oom 1\noom_kill 0\n' });
    expect(memory.wasKilledForMemory()).toBe(false);
    memory.close();
  });

  test('a limit that cannot be set is an error, not a call without a limit', () => {
    write({ 'memory.usage_in_bytes': '0', 'memory.max_usage_in_bytes': '0' });
    rmSync(join(folder, 'memory.limit_in_bytes'), { force: true });
    expect(() => new CgroupMemory('/nonexistent', 1)).toThrow('ENOENT');
  });
});

describe('version 2', () => {
  test('no swap, and whoever is left ends with the one that was ended', () => {
    const memory = join(folder, 'w1');
    prepareFolders({ version: 2, memory, pids: memory, cpu: memory }, 99);
    expect(readFileSync(join(memory, 'memory.swap.max'), 'utf8')).toBe('0');
    expect(readFileSync(join(memory, 'memory.oom.group'), 'utf8')).toBe('1');
    expect(readFileSync(join(memory, 'pids.max'), 'utf8')).toBe('99');
  });

  test('a call may add what it may add to what is there', () => {
    write(versionTwo);
    const memory = new CgroupMemory(folder, 2);
    expect(read('memory.max')).toBe(`${512 * mib}`);
    memory.startCall(600 * mib);
    expect(read('memory.max')).toBe(`${656 * mib}`);
    memory.close();
  });

  test('without a peak that can be set back, what was seen counts', () => {
    write(versionTwo);
    const memory = new CgroupMemory(folder, 2);
    expect(memory.needsWatch).toBe(true);
    memory.startCall(mib);
    write({ 'memory.current': `${58 * mib}` });
    expect(memory.peakGrowthBytes()).toBe(8 * mib);
    write({ 'memory.current': `${51 * mib}` });
    expect(memory.peakGrowthBytes()).toBe(8 * mib);
    memory.close();
  });

  test('knows who was ended for memory', () => {
    write({ ...versionTwo, 'memory.events': 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n' });
    const memory = new CgroupMemory(folder, 2);
    expect(memory.wasKilledForMemory()).toBe(true);
    write({ 'memory.events': 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n' });
    expect(memory.wasKilledForMemory()).toBe(false);
    memory.close();
  });
});
