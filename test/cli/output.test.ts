/** What hostile text does to a terminal: nothing. */
import { expect, test, vi } from 'vitest';
import { counted, createOutput, oneLine, printable } from '../../src/cli/output.ts';

test.each([
  ['an escape sequence', 'a\u001b[2Jb', 'a\\u001b[2Jb'],
  ['an escape sequence of one character', 'a\u009b2Jb', 'a\\u009b2Jb'],
  ['a carriage return', 'deny\rallow', 'deny\\u000dallow'],
  ['text that runs backwards', 'a\u202eb', 'a\\u202eb'],
  ['a space without width', 'pay\u200bpal', 'pay\\u200bpal'],
  ['a filler that looks like nothing', 'a\u3164b', 'a\\u3164b'],
  ['a letter of the invisible alphabet', 'a\u{e0041}b', 'a\\udb40\\udc41b'],
  ['a line separator', 'a\u2028b', 'a\\u2028b'],
])('%s is shown, not obeyed', (_what, text, shown) => {
  expect(printable(text)).toBe(shown);
  expect(JSON.parse(printable(JSON.stringify({ text })))).toEqual({ text });
});

test('words of any script are left as they are', () => {
  const text = 'Größe ≤ 5 • 東京 · шлюз 👍\n\tnext';
  expect(printable(text)).toBe(text);
});

test('a cell begins no line of its own', () => {
  expect(oneLine('why\ndigest\tforged')).toBe('why\\ndigest\\tforged');
});

test('one is not many', () => {
  expect([0, 1, 2].map((count) => counted(count, 'event'))).toEqual(['0 events', '1 event', '2 events']);
});

test('JSON on a terminal obeys nothing either, and programs read the same', () => {
  const written: string[] = [];
  const write = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => written.push(String(text)) > 0);
  const value = { note: 'a\u009b2Jb\u202ec' };
  createOutput(true, false).show(value, () => '');
  write.mockRestore();
  expect(written.join('')).not.toMatch(/[\u009b\u202e]/);
  expect(JSON.parse(written.join(''))).toEqual(value);
});
