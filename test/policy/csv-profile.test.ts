import { expect, test } from 'vitest';
// @ts-expect-error -- a tool's code is plain JavaScript without types
import profile from '../../policies/tools/code/csv-profile.js';

const run = profile as (input: { text: string; delimiter?: string }) => {
  rows: number;
  columns: readonly Readonly<Record<string, unknown>>[];
};

test('a table is described column by column', () => {
  expect(run({ text: 'id,price,name\n1,2.5,Bo\n2,3.5,Al\n3,,Bo\n' })).toEqual({
    rows: 3,
    columns: [
      { name: 'id', type: 'integer', count: 3, missing: 0, distinct: 3, min: 1, max: 3, mean: 2 },
      { name: 'price', type: 'number', count: 2, missing: 1, distinct: 2, min: 2.5, max: 3.5, mean: 3 },
      { name: 'name', type: 'string', count: 3, missing: 0, distinct: 2, min: 'Al', max: 'Bo', mean: null },
    ],
  });
});

test.each([
  [
    'quoted delimiters, line breaks and doubled quotes',
    'a,b\n"x,1\n2","say ""hi"""\n',
    ['x,1\n2', 'say "hi"'],
  ],
  ['carriage returns', 'a,b\r\nx,y\r\n', ['x', 'y']],
  ['no line break at the end', 'a,b\nx,y', ['x', 'y']],
  ['a byte order mark', '\uFEFFa,b\nx,y', ['x', 'y']],
])('the parser understands %s', (_, text, values) => {
  const { rows, columns } = run({ text });
  expect([rows, ...columns.map(({ min }) => min)]).toEqual([1, ...values]);
  expect(columns.map(({ name }) => name)).toEqual(['a', 'b']);
});

test.each([
  ['a;b;c\n1,5;2,5;3', 3],
  ['a\tb\n1\t2', 2],
  ['a|b\n1|2', 2],
  ['"a;b;c;d",x\n1,2', 2],
  ['single\n1', 1],
])('the delimiter of %j is found', (text, columns) => {
  expect(run({ text }).columns).toHaveLength(columns);
});

test('a given delimiter is taken as it is', () => {
  expect(run({ text: 'a#b\n1#2', delimiter: '#' }).columns).toHaveLength(2);
});

test('short rows leave cells missing and long rows add columns', () => {
  const { columns } = run({ text: 'a,b\n1\n1,2,3\n' });
  expect(columns.map(({ name, count, missing }) => [name, count, missing])).toEqual([
    ['a', 2, 0],
    ['b', 1, 1],
    ['column_3', 1, 1],
  ]);
});

test.each([
  ['007', 'string'],
  ['-3', 'integer'],
  ['1e3', 'number'],
  ['true', 'boolean'],
  ['2024-01-31', 'date'],
  ['1e999', 'string'],
])('%s is a %s', (value, type) => {
  expect(run({ text: `a,b\n${value},x` }).columns[0]?.['type']).toBe(type);
});

test('an empty text has no rows and no columns', () => {
  expect(run({ text: '' })).toEqual({ rows: 0, columns: [] });
  expect(run({ text: 'a,b\n' })).toMatchObject({
    rows: 0,
    columns: [{ type: 'empty', min: null }, { type: 'empty' }],
  });
});

test('a quote that is never closed is an error that says where it opened', () => {
  expect(() => run({ text: 'a\n"x' })).toThrow('the quote opened at character 3 is never closed');
});

test('many rows of one cell under a wide header take time in proportion to the text', () => {
  const text = `${'c,'.repeat(9_999)}c\n${'1\n'.repeat(300_000)}`;
  const { rows, columns } = run({ text });
  expect([rows, columns.length, columns[9_999]?.['missing']]).toEqual([300_000, 10_000, 300_000]);
});
