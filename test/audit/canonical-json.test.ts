import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalDepthMax, canonicalJson, NotCanonical } from '../../src/audit/canonical-json.ts';

describe('RFC 8785', () => {
  test('writes the sample of section 3.2.2', () => {
    const sample = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    expect(canonicalJson(JSON.parse(sample))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('sorts member names by UTF-16 code units, as in section 3.2.3', () => {
    const sample = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(
      Object.values(
        JSON.parse(
          `[${canonicalJson(sample)
            .slice(1, -1)
            .replace(/"[^"]*":/gu, '')}]`,
        ),
      ),
    ).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  test('sorts names that look like numbers as text, on every level', () => {
    expect(canonicalJson({ 9: { b: 1, a: [] }, 10: {}, '!': 1 })).toBe('{"!":1,"10":{},"9":{"a":[],"b":1}}');
  });

  test('writes the numbers of appendix B', () => {
    const bits: [bigint, string][] = [
      [0x0000000000000000n, '0'],
      [0x8000000000000000n, '0'],
      [0x0000000000000001n, '5e-324'],
      [0x8000000000000001n, '-5e-324'],
      [0x7fefffffffffffffn, '1.7976931348623157e+308'],
      [0x4340000000000000n, '9007199254740992'],
      [0x4430000000000000n, '295147905179352830000'],
      [0x44b52d02c7e14af5n, '9.999999999999997e+22'],
      [0x44b52d02c7e14af6n, '1e+23'],
      [0x44b52d02c7e14af7n, '1.0000000000000001e+23'],
      [0x444b1ae4d6e2ef4en, '999999999999999700000'],
      [0x444b1ae4d6e2ef50n, '1e+21'],
      [0x3eb0c6f7a0b5ed8cn, '9.999999999999997e-7'],
      [0x3eb0c6f7a0b5ed8dn, '0.000001'],
      [0x41b3de4355555555n, '333333333.3333333'],
      [0xbecbf647612f3696n, '-0.0000033333333333333333'],
    ];
    const view = new DataView(new ArrayBuffer(8));
    for (const [value, text] of bits) {
      view.setBigUint64(0, value);
      expect(canonicalJson(view.getFloat64(0))).toBe(text);
    }
  });

  test('says the same as JSON, and the same whatever the order of members', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value: unknown = JSON.parse(json);
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(JSON.parse(text)))).toBe(text);
      }),
    );
  });
});

describe('hostile strings', () => {
  test('become well-formed, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.array(fc.integer({ min: 0, max: 0xffff })),
        (text, units) => {
          const value = `${text}${String.fromCharCode(...units)}`;
          const written = canonicalJson({ [value]: value });
          expect(written.isWellFormed()).toBe(true);
          expect(written).toBe(canonicalJson(JSON.parse(written)));
          expect(Object.entries(JSON.parse(written))).toEqual([[value.toWellFormed(), value.toWellFormed()]]);
        },
      ),
    );
  });

  test('that become the same member name are all kept', () => {
    const value = { '\ud800': 1, '\ud801': 2, '\ufffd': 3, '\ufffd~2': 4, '\udfff': 5 };
    expect(JSON.parse(canonicalJson(value))).toEqual({
      '\ufffd': 3,
      '\ufffd~2': 4,
      '\ufffd~3': 1,
      '\ufffd~4': 2,
      '\ufffd~5': 5,
    });
  });

  test('that are ten thousand colliding names take no longer than sorting them', () => {
    const names = Array.from({ length: 10_000 }, (_, index) =>
      `${String.fromCharCode(0xd800 + (index % 1_024))}`.repeat(1 + Math.floor(index / 1_024)),
    );
    const value = Object.fromEntries(names.map((name) => [name, 1]));
    expect(Object.keys(JSON.parse(canonicalJson(value)))).toHaveLength(10_000);
  });
});

describe('values that are not JSON', () => {
  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['undefined in a list', [undefined]],
    ['a date', { at: new Date(0) }],
    ['a map', new Map([[1, 2]])],
    ['bytes', new Uint8Array(2)],
  ])('%s is refused', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(NotCanonical);
  });

  test('leaves undefined members out and takes objects without a prototype', () => {
    expect(canonicalJson(Object.assign(Object.create(null), { b: undefined, a: -0 }))).toBe('{"a":0}');
  });

  test('refuses nesting beyond its limit instead of exhausting the stack', () => {
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown;
    expect(canonicalJson(nested(canonicalDepthMax))).toHaveLength(2_000);
    expect(() => canonicalJson(nested(canonicalDepthMax + 1))).toThrow(NotCanonical);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => canonicalJson(cycle)).toThrow(NotCanonical);
  });
});

function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const entries = Object.entries(value).toReversed();
  return Object.fromEntries(entries.map(([name, member]) => [name, reversed(member)]));
}
