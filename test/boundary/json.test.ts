import { describe, expect, test } from 'vitest';
import { awsSecretKey, filterResult, githubPlaceholder, githubToken, profile } from './support/filter.ts';

const places = (result: Parameters<typeof filterResult>[0]) =>
  filterResult(result).report.findings.map(({ detector, where }) => `${detector} ${where}`);

describe('keys', () => {
  test('a secret in a key is replaced, and the pointer does not tell it', () => {
    const { result, report } = filterResult({ [`k ${githubToken}`]: { [githubToken]: 1 } });

    expect(result).toEqual({ [`k ${githubPlaceholder}`]: { [githubPlaceholder]: 1 } });
    expect(report.findings.map(({ where }) => where)).toEqual([
      `/result/k ${githubPlaceholder}/${githubPlaceholder}`,
      `/result/k ${githubPlaceholder}`,
    ]);
  });

  test('keys that become equal are numbered, and a key that stayed keeps its name', () => {
    const { result } = filterResult({ 'a\u200bb': 1, ab: 2, '\u200bab': 3, 'ab#2': 4 });

    expect(result).toEqual({ ab: 2, 'ab#2': 4, 'ab#3': 1, 'ab#4': 3 });
  });

  test('keys of prototypes are keys like any other', () => {
    const hostile = JSON.parse(
      `{"__proto__": {"polluted": "${githubToken}"}, "constructor": {"prototype": "${githubToken}"}}`,
    );

    const { result } = filterResult(hostile);

    expect(JSON.stringify(result)).toBe(
      `{"__proto__":{"polluted":"${githubPlaceholder}"},"constructor":{"prototype":"${githubPlaceholder}"}}`,
    );
    expect(({} as Record<string, unknown>)['polluted']).toBe(undefined);
  });

  test('pointers escape ~ and / and are cut to their limit', () => {
    const { report } = filterResult({ 'a/b~c': { ['k'.repeat(100)]: githubToken } });

    expect(report.findings.map(({ where }) => where)).toEqual([`/result/a~1b~0c/${'k'.repeat(63)}…`]);
  });
});

describe('numbers that their names give away', () => {
  test('the name is a key, that of a list, or the string before', () => {
    const { result } = filterResult({
      customerSsn: '219-09-9999',
      ssn: ['219099999'],
      fields: [{ label: 'Social Security Number', value: '219 09 9999' }],
      order: '219-09-9999',
    });

    expect(result).toEqual({
      customerSsn: expect.stringMatching(/^\[REDACTED:national-id-us:/),
      ssn: [expect.stringMatching(/^\[REDACTED:national-id-us:/)],
      fields: [
        { label: 'Social Security Number', value: expect.stringMatching(/^\[REDACTED:national-id-us:/) },
      ],
      order: '219-09-9999',
    });
  });
});

describe('secrets split over neighbours', () => {
  test('every part of a token split over array elements is replaced', () => {
    const { result, report } = filterResult([
      'first',
      githubToken.slice(0, 10),
      githubToken.slice(10),
      'last',
    ]);

    expect(result).toEqual(['first', githubPlaceholder, githubPlaceholder, 'last']);
    expect(report.findings).toMatchObject([{ where: '/result/1', count: 1 }]);
  });

  test('a token split into single characters', () => {
    const { result } = filterResult([...githubToken]);

    expect(JSON.stringify(result)).not.toContain('"z","Q"');
  });

  test('a token split over fields, with other values between them', () => {
    const { result } = filterResult({
      a: `x ${githubToken.slice(0, 20)}`,
      n: 1,
      b: `${githubToken.slice(20)} y`,
      c: 'z',
    });

    expect(result).toEqual({ a: `x ${githubPlaceholder}`, n: 1, b: `${githubPlaceholder} y`, c: 'z' });
  });

  test('a token split where an invisible character stands', () => {
    const { result } = filterResult([
      `${githubToken.slice(0, 10)}\u200b`,
      `\u200b${githubToken.slice(10)}`,
      'last',
    ]);

    expect(result).toEqual([githubPlaceholder, githubPlaceholder, 'last']);
  });

  test.each([
    ['as they are', ['abc', 'AKIA', 'Y34FZKBOKMUTVV7A', 'def']],
    ['with invisible characters that may stay', ['a\u200bbc', 'AKIA\u200b', 'Y34FZKBOKMUTVV7A', 'def']],
  ])('a token between neighbours whose letters touch it, %s', (_, parts) => {
    const placeholder = expect.stringMatching(/^\[REDACTED:aws-access-key-id:[0-9a-f]{4}\]$/);

    const { result } = filterResult(parts, [profile('outbound', { 'zero-width': 'flag' })]);

    expect(result).toEqual([parts[0], placeholder, placeholder, 'def']);
  });

  test('the two ends of a long string are not neighbours', () => {
    const middle = ' '.repeat(1000);
    const head = `${' '.repeat(16_384 - 10)}${githubToken.slice(0, 10)}`;
    const tail = `${githubToken.slice(10)}${' '.repeat(16_384 - 30)}`;
    const result = [`${head}${middle}${tail}`, 'next'];

    expect(filterResult(result).result).toBe(result);
  });

  test('a private key as an array of its lines', () => {
    const lines = [
      '-----BEGIN RSA PRIVATE KEY-----',
      'MIIEpAIBAAKCAQEA7bq2v3',
      'k1TjQ0x=',
      '-----END RSA PRIVATE KEY-----',
    ];

    const { result } = filterResult({ lines: ['key:', ...lines, 'end'] });

    expect(JSON.stringify(result)).toMatch(
      /^\{"lines":\["key:",("\[REDACTED:private-key:([0-9a-f]{4})\]",){4}"end"\]\}$/,
    );
  });

  test('the ends of long strings are looked at, and only they', () => {
    const filler = ' filler'.repeat(10_000);

    const { result } = filterResult([
      `${filler} ${githubToken.slice(0, 10)}`,
      `${githubToken.slice(10)} ${filler}`,
    ]);

    expect(result).toEqual([`${filler} ${githubPlaceholder}`, `${githubPlaceholder} ${filler}`]);
  });

  test('neighbours that make no secret together stay', () => {
    const words = ['ghp_', 'token', 'AKIA', 'eyJ', 'npm_config', 'sk-', 'Bearer'];

    expect(filterResult(words).result).toBe(words);
  });
});

describe('secrets that their surroundings give away', () => {
  test.each([
    ['its key', { SecretAccessKey: awsSecretKey }, 'aws-secret-access-key /result/SecretAccessKey'],
    [
      'the key of its array',
      { Authorization: ['Bearer mF9x2Kd8Lq4Vt7Zb1Nc5'] },
      'bearer-token /result/Authorization/0',
    ],
    ['the string before it', ['Authorization', 'Bearer mF9x2Kd8Lq4Vt7Zb1Nc5'], 'bearer-token /result/1'],
    [
      'a name beside its value',
      { name: 'authorization', value: 'Bearer mF9x2Kd8Lq4Vt7Zb1Nc5' },
      'bearer-token /result/value',
    ],
  ])('%s', (_, result, finding) => {
    expect(places(result)).toEqual([finding]);
  });

  test('the same string beside nothing that means anything stays', () => {
    expect(places({ digest: awsSecretKey, note: ['Bearer mF9x2Kd8Lq4Vt7Zb1Nc5'] })).toEqual([]);
  });
});

test('ids, hashes and digests that an agent needs stay', () => {
  const result = {
    uuid: '3f2b8c1e-9d4a-4f6b-8e2c-7a1d5b9c0e3f',
    commit: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    integrity:
      'sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==',
    ulid: 'call_01JABCDEFGHJKMNPQRSTVWXYZ0',
    image: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk',
    map: '//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbXX0=',
  };

  expect(filterResult(result).result).toBe(result);
});
