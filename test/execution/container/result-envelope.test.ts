import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseEnvelope } from '../../../src/execution/container/result-envelope.ts';

const parse = (text: string): ReturnType<typeof parseEnvelope> => parseEnvelope(Buffer.from(text));

test('a value comes out as JSON of its own', () => {
  expect(parse('{"ok":true,"value":{"a":[1,"]"]}}')).toEqual({
    kind: 'value',
    json: Buffer.from('{"a":[1,"]"]}'),
  });
  expect(parse('{"ok":true,"value":null}')).toEqual({ kind: 'value', json: Buffer.from('null') });
});

test('a key __proto__ stays a key', () => {
  expect(parse('{"ok":true,"value":{"__proto__":{"x":1}}}')).toEqual({
    kind: 'value',
    json: Buffer.from('{"__proto__":{"x":1}}'),
  });
});

test('an error is cut to its caps, and what is no text is left out', () => {
  expect(parse(`{"ok":false,"error":{"name":"E","message":"${'m'.repeat(5000)}","stack":7}}`)).toEqual({
    kind: 'error',
    error: { name: 'E', message: 'm'.repeat(4000) },
  });
  expect(parse('{"ok":false,"error":null}')).toEqual({
    kind: 'error',
    error: { name: 'Error', message: '' },
  });
});

test('nesting is counted before anything is parsed; brackets in strings do not count', () => {
  const nested = (depth: number): string => `{"ok":true,"value":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(parse(nested(128)).kind).toBe('value');
  expect(parse(nested(129))).toMatchObject({ kind: 'error', error: { name: 'RangeError' } });
  expect(parse(nested(1_000_000)).kind).toBe('error');
  expect(parse(`{"ok":true,"value":"${'['.repeat(1000)}\\"${'{'.repeat(1000)}"}`).kind).toBe('value');
});

test('whatever else is malformed', () => {
  expect(parse('')).toEqual({ kind: 'malformed', reason: 'no result' });
  expect(parse('{"ok":true}')).toEqual({ kind: 'malformed', reason: 'a result of another form' });
  expect(parse('{"ok":true,"value":1}{"ok":true,"value":2}').kind).toBe('malformed');
  expect(parse('null').kind).toBe('malformed');
});

test('arbitrary bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(['value', 'error', 'malformed']).toContain(parseEnvelope(bytes).kind);
    }),
  );
});
