import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBoundedJson } from '../../src/calls/bounded-json.ts';

const caps = { depthMax: 4, membersMax: 5 };
const parse = (text: string): unknown => parseBoundedJson(Buffer.from(text), caps);

describe('bounded JSON', () => {
  test('parses what fits', () => {
    expect(parse('{"a":[1,{"b":"],[[[[["}]}')).toEqual({ ok: true, value: { a: [1, { b: '],[[[[[' }] } });
  });

  test('refuses depth and member counts over the cap without parsing', () => {
    expect(parse('[[[[[]]]]]')).toEqual({ ok: false, message: 'is nested deeper than 4 levels' });
    expect(parse('[1,2,3,4,5,6,7]')).toEqual({ ok: false, message: 'has more than 5 members' });
    const bomb = Buffer.alloc(10_000_000, '[');
    expect(parseBoundedJson(bomb, caps)).toEqual({ ok: false, message: 'is nested deeper than 4 levels' });
  });

  test('refuses numbers that would be read as Infinity, however deep and however written', () => {
    const message = 'has a number that no double can hold';
    expect(parse('{"a":[1,{"b":-1e999}]}')).toEqual({ ok: false, message });
    expect(parse('9'.repeat(400))).toEqual({ ok: false, message });
    expect(parse('[1.7976931348623157e308,-0]')).toMatchObject({ ok: true });
  });

  test('refuses whole numbers that would be read as others, where that is asked for', () => {
    const exact = (text: string): unknown => parseBoundedJson(Buffer.from(text), { ...caps, isExact: true });
    for (const number of ['9007199254740993', '-9007199254740993', '12345678901234567890']) {
      const message = `has the whole number ${number}, which a double cannot hold exactly: send it as a string`;
      expect(exact(`{"a":[1,{"b":${number}}]}`)).toEqual({ ok: false, message });
      expect(parse(`{"a":[1,{"b":${number}}]}`)).toMatchObject({ ok: true });
      expect(exact(`{"a":"${number}"}`)).toMatchObject({ ok: true });
    }
    for (const number of ['9007199254740992', '9007199254740991', '1e20', '12345678901234567000.5', '1e-7'])
      expect(exact(`[${number}]`)).toEqual({ ok: true, value: [Number(number)] });
    expect(exact(`[9007199254740992,${'1'.repeat(300)}]`)).toEqual({
      ok: false,
      message: `has the whole number ${'1'.repeat(40)}, which a double cannot hold exactly: send it as a string`,
    });
  });

  test('names broken UTF-8 and broken JSON', () => {
    expect(parseBoundedJson(Buffer.from([0x22, 0xff, 0x22]), caps)).toEqual({
      ok: false,
      message: 'is not valid UTF-8',
    });
    expect(parse('{"a":')).toMatchObject({
      ok: false,
      message: expect.stringContaining('is not valid JSON'),
    });
    expect(parse('')).toMatchObject({ ok: false });
  });

  test('counts nothing inside long strings, wherever quotes and backslashes stand in them', () => {
    const parts = fc.constantFrom('a', '"', '\\', '[', ',', '\\"', '\\\\', 'x'.repeat(31), '{'.repeat(40));
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), fc.array(parts, { maxLength: 12 }), (one, other) => {
        const value = [one.join(''), { [other.join('')]: 1 }];
        expect(parse(JSON.stringify(value))).toEqual({ ok: true, value });
      }),
    );
    expect(parse(`["${'x'.repeat(100)}",[[[[]]]]]`)).toMatchObject({ ok: false });
    expect(parse(`["${'x'.repeat(100)}\\",[[[[[`)).toMatchObject({
      message: expect.stringContaining('is not valid JSON'),
    });
  });

  test('a key called __proto__ stays a plain member', () => {
    const parsed = parseBoundedJson(Buffer.from('{"__proto__":{"polluted":true}}'), caps);
    expect(parsed.ok && Object.hasOwn(parsed.value as object, '__proto__')).toBe(true);
    expect('polluted' in {}).toBe(false);
  });

  test('agrees with JSON.parse on every document within the caps', () => {
    const wide = { depthMax: 64, membersMax: 100_000 };
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseBoundedJson(Buffer.from(text), wide)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });
});
