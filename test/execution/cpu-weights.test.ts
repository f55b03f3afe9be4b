import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
    try {
      return readFileSync(join(folder, name, file), 'utf8');
    } catch {
      return null;
    }
  });
}

test('a long one weighs little until it is over, and all together as they are told', () => {
  const weights = new CpuWeights(folder, 1, 512);
  weights.set('two', false);
  expect(written()).toEqual(['512', null, null]);
  weights.set('one', true);
  expect(written()).toEqual(['512', '128', null]);
  weights.set('one', false);
  expect(written()).toEqual(['512', '1024', null]);
});

test('version 2 has other numbers', () => {
  const weights = new CpuWeights(folder, 2, 512);
  weights.set('two', true);
  expect(written('cpu.weight')).toEqual(['50', null, '13']);
});

test('one that is gone is no error, and another one of its name begins anew', () => {
  const weights = new CpuWeights(folder, 1, 512);
  weights.set('gone', true);
  weights.forget('gone');
  mkdirSync(join(folder, 'gone'));
  weights.set('gone', true);
  expect(readFileSync(join(folder, 'gone', 'cpu.shares'), 'utf8')).toBe('128');
});
