import { expect, test } from 'vitest';
import { closingLine } from '../../scripts/closing-line.ts';

const clean = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
};

test('a clean run counts what passed', () => {
  expect(closingLine(clean, 0)).toBe('3 passed, 0 failed');
});

test('what was skipped is named', () => {
  expect(closingLine({ ...clean, numPendingTests: 1, numTodoTests: 1 }, 0)).toBe(
    '3 passed, 0 failed, 2 skipped',
  );
});

test('a failed test counts once, though its file failed as well', () => {
  const testResults = [{ status: 'failed', assertionResults: [{ status: 'failed' }] }];
  expect(closingLine({ ...clean, numFailedTests: 1, testResults }, 1)).toBe('3 passed, 1 failed');
});

test('a file that cannot be loaded is a failure, though no test of it ran', () => {
  expect(closingLine({ ...clean, testResults: [{ status: 'failed', assertionResults: [] }] }, 1)).toBe(
    '3 passed, 1 failed',
  );
});

test('a run that fails outside of its tests never closes with 0 failed', () => {
  expect(closingLine(clean, 1)).toBe('3 passed, 1 failed');
});
