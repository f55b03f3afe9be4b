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

const shares = { together: 1024, togetherLow: 128 };

test('a long one weighs little, and all weigh little together while nothing else runs', () => {
  const weights = new CpuWeights(folder, 1, shares);
  expect(written()).toEqual(['1024', null, null]);
  weights.set('one', 'brief');
  weights.set('one', 'long');
  expect(written()).toEqual(['128', '64', null]);
  weights.set('two', 'brief');
  expect(written()).toEqual(['1024', '64', null]);
  weights.set('two', 'idle');
  expect(written()).toEqual(['128', '64', null]);
  weights.set('one', 'brief');
  expect(written()).toEqual(['1024', '1024', null]);
  weights.set('one', null);
  expect(written()).toEqual(['1024', '1024', null]);
});

test('one of a tenant that is behind weighs little, and all together as before', () => {
  const weights = new CpuWeights(folder, 1, shares);
  weights.set('one', 'behind');
  expect(written()).toEqual(['1024', '64', null]);
  weights.set('one', 'long');
  expect(written()).toEqual(['128', '64', null]);
  weights.set('two', 'behind');
  expect(written()).toEqual(['1024', '64', '64']);
});

test('version 2 has other numbers', () => {
  const weights = new CpuWeights(folder, 2, shares);
  expect(written('cpu.weight')).toEqual(['100', null, null]);
  weights.set('two', 'long');
  expect(written('cpu.weight')).toEqual(['13', null, '6']);
});

test('one that is gone is no error, and the others keep their weight', () => {
  const weights = new CpuWeights(folder, 1, shares);
  weights.set('gone', 'long');
  expect(written()).toEqual(['128', null, null]);
  weights.set('gone', null);
  expect(written()).toEqual(['1024', null, null]);
});
