import { expect, test } from 'vitest';

import { concludeEnd } from '../../../src/execution/container/exit.ts';
import type { SeenEnd } from '../../../src/execution/container/exit.ts';

function conclude(changes: Partial<SeenEnd>): ReturnType<typeof concludeEnd> {
  return concludeEnd({
    entry: 'json',
    child: { code: 0, signal: 0 },
    wasMemoryExhausted: false,
    stderrTail: '',
    answer: Buffer.from('{"ok":true,"value":1}'),
    outputBytesMax: 100,
    ...changes,
  });
}

test('a value completes', () => {
  expect(conclude({})).toEqual({ reason: 'completed', error: null, result: Buffer.from('1') });
});

test('a value over the cap is output_limit, at the cap it is not', () => {
  const answer = Buffer.from(`{"ok":true,"value":"${'x'.repeat(98)}"}`);
  expect(conclude({ answer }).reason).toBe('completed');
  expect(conclude({ answer, outputBytesMax: 99 })).toEqual({
    reason: 'output_limit',
    error: null,
    result: null,
  });
});

test('a kill is out_of_memory only when memory ran out', () => {
  const child = { code: 0, signal: 9 };
  const answer = Buffer.alloc(0);
  expect(conclude({ child, answer, wasMemoryExhausted: true }).reason).toBe('out_of_memory');
  expect(conclude({ child, answer }).error).toEqual({
    name: 'SandboxCrashed',
    message: 'the process was ended by signal 9',
  });
  expect(conclude({ child: { code: 0, signal: 11 }, answer, wasMemoryExhausted: true }).reason).toBe(
    'crashed',
  );
});

test('an abort is out_of_memory when the interpreter says so', () => {
  const child = { code: 0, signal: 6 };
  const answer = Buffer.alloc(0);
  expect(conclude({ child, answer, stderrTail: 'JavaScript heap out of memory' }).reason).toBe(
    'out_of_memory',
  );
  expect(conclude({ child, answer }).reason).toBe('crashed');
});

test('a child that gave its value and survived a killed helper completes', () => {
  expect(conclude({ wasMemoryExhausted: true }).reason).toBe('completed');
});

test('a script completes with its exit code, whatever it answers', () => {
  const entry = 'script' as const;
  expect(conclude({ entry, child: { code: 7, signal: 0 } }).result).toEqual(Buffer.from('{"exitCode":7}'));
  expect(conclude({ entry, child: { code: 0, signal: 15 } }).result).toEqual(Buffer.from('{"exitCode":143}'));
  expect(conclude({ entry, child: { code: 137, signal: 0 } }).reason).toBe('completed');
  expect(conclude({ entry, child: { code: 137, signal: 0 }, wasMemoryExhausted: true }).reason).toBe(
    'out_of_memory',
  );
});
