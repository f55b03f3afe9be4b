import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CpuWeights } from '../../src/execution/cpu-weights.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-weights-'));
  for (const name of ['one', 'two']) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What was written last for each, `.` for all together; null: nothing. */
function written(file = 'cpu.shares'): (string | null)[] {
  return ['.', 'one', 'two'].map((name) => {
    const path = join(folder, name, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  });
}

/** As a kernel since 5.15 has it. */
function withSpare(): CpuWeights {
  writeFileSync(join(folder, 'cpu.idle'), '0');
  return new CpuWeights({ folder, version: 1, together: 512, isShared: true });
}

test('a long one weighs little until it is over, and all together as they are told', () => {
  const weights = new CpuWeights({ folder, version: 1, together: 512, isShared: true });
  weights.set('two', 'short');
  expect(written()).toEqual(['512', null, null]);
  weights.set('one', 'long');
  expect(written()).toEqual(['512', '128', null]);
  weights.set('one', 'short');
  expect(written()).toEqual(['512', '1024', null]);
});

test('version 2 has other numbers', () => {
  const weights = new CpuWeights({ folder, version: 2, together: 512, isShared: true });
  weights.set('two', 'long');
  expect(written('cpu.weight')).toEqual(['50', null, '13']);
});

test('one that is gone is no error, and another one of its name begins anew', () => {
  const weights = new CpuWeights({ folder, version: 1, together: 512, isShared: true });
  weights.set('gone', 'long');
  weights.forget('gone');
  mkdirSync(join(folder, 'gone'));
  weights.set('gone', 'long');
  expect(readFileSync(join(folder, 'gone', 'cpu.shares'), 'utf8')).toBe('128');
});

test('all together have spare time alone while none of those that run has more, and their weight again after that', () => {
  const weights = withSpare();
  weights.set('one', 'spare');
  expect(written('cpu.idle')).toEqual(['0', '1', null]);
  weights.set('two', 'resting');
  expect(written('cpu.idle')).toEqual(['1', '1', null]);
  writeFileSync(join(folder, 'cpu.shares'), 'taken away');
  weights.set('two', 'short');
  expect(written('cpu.idle')).toEqual(['0', '1', null]);
  expect(written()).toEqual(['512', null, null]);
  weights.set('two', 'resting');
  weights.set('one', 'long');
  expect(written('cpu.idle')).toEqual(['0', '0', null]);
  expect(written()).toEqual(['512', '128', null]);
});

test('what others have below the same cgroup is not left to spare time', () => {
  const weights = withSpare();
  weights.set('one', 'spare');
  expect(written('cpu.idle')).toEqual(['0', '1', null]);
  weights.set('two', 'spare');
  expect(written('cpu.idle')).toEqual(['1', '1', '1']);
  mkdirSync(join(folder, 'of another runner'));
  weights.set('two', 'spare');
  expect(written('cpu.idle')).toEqual(['0', '1', '1']);
});

test('nothing runs any more, and all together have their weight', () => {
  const weights = withSpare();
  rmSync(join(folder, 'two'), { recursive: true });
  weights.set('one', 'spare');
  expect(written('cpu.idle')[0]).toBe('1');
  weights.forget('one');
  expect(written('cpu.idle')[0]).toBe('0');
});

test('one whose cgroup is not there yet is told again, and counts from the beginning', () => {
  const weights = withSpare();
  for (const name of ['one', 'two']) rmSync(join(folder, name), { recursive: true });
  weights.set('one', 'spare');
  expect(written('cpu.idle')).toEqual(['1', null, null]);
  mkdirSync(join(folder, 'one'));
  weights.set('one', 'spare');
  expect(written('cpu.idle')).toEqual(['1', '1', null]);
});

test('what a runner that was killed left of it is taken back', () => {
  writeFileSync(join(folder, 'cpu.idle'), '1');
  expect(new CpuWeights({ folder, version: 1, together: 512, isShared: true })).toBeDefined();
  expect(written('cpu.idle')[0]).toBe('0');
});

test('what another runner that is gone left so is taken back by the next one that says something', () => {
  const weights = withSpare();
  weights.set('one', 'short');
  writeFileSync(join(folder, 'cpu.idle'), '1');
  weights.set('one', 'short');
  expect(written('cpu.idle')[0]).toBe('0');
});

test('a cgroup that somebody took away is no error', () => {
  const weights = withSpare();
  weights.set('one', 'spare');
  rmSync(folder, { recursive: true });
  expect(() => {
    weights.set('one', 'short');
    weights.forget('one');
  }).not.toThrow();
  mkdirSync(folder);
});

test('of a group of its own others are not asked', () => {
  writeFileSync(join(folder, 'cpu.idle'), '0');
  const weights = new CpuWeights({ folder, version: 1, together: 512, isShared: false });
  weights.set('one', 'spare');
  expect(written('cpu.idle')).toEqual(['1', '1', null]);
});

test('a kernel without spare time has the lower weight for it', () => {
  const weights = new CpuWeights({ folder, version: 1, together: 512, isShared: true });
  weights.set('one', 'spare');
  expect(written()).toEqual(['512', '128', null]);
  expect(written('cpu.idle')).toEqual([null, null, null]);
});
