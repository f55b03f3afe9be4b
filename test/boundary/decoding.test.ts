import { gzipSync, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { buildBoundary, bytes, filterStdout, githubToken, output } from './support/filter.ts';

const every = (write: (unit: number) => string): string =>
  [...githubToken].map((character) => write(character.charCodeAt(0))).join('');
const hex = (unit: number, digits = 2) => unit.toString(16).padStart(digits, '0');
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
const line = `export TOKEN=${githubToken} # for the nightly build of the website\n`;

describe('a token is found', () => {
  test.each([
    ['base64', base64(line), ['base64']],
    ['base64url', Buffer.from(`???>>>${line}`).toString('base64url'), ['base64']],
    ['base64 behind a word of the same alphabet', `path/to/x${base64(line)}`, ['base64']],
    ['base64 in lines of 76', base64(line.repeat(3)).replaceAll(/.{76}/g, '$&\r\n'), ['base64']],
    [
      'base64 with line breaks written as escapes',
      base64(`${'# '.repeat(18)}${line}`).replaceAll(/.{76}/g, '$&\\n'),
      ['base64'],
    ],
    ['base64 of base64', base64(base64(line)), ['base64', 'base64']],
    ['hexadecimal', Buffer.from(line).toString('hex'), ['hex']],
    [
      'capital hexadecimal behind one more digit',
      `A${Buffer.from(line).toString('hex').toUpperCase()}`,
      ['hex'],
    ],
    ['percent escapes', every((unit) => `%${hex(unit)}`), ['percent']],
    ['percent escapes of base64', encodeURIComponent(base64(line)), ['base64']],
    ['percent escapes twice', encodeURIComponent(every((unit) => `%${hex(unit)}`)), ['percent', 'percent']],
    ['Unicode escapes', every((unit) => `\\u${hex(unit, 4)}`), ['escape']],
    ['Unicode escapes with braces', every((unit) => `\\u{${hex(unit)}}`), ['escape']],
    ['byte escapes', every((unit) => `\\x${hex(unit)}`), ['escape']],
    ['octal escapes', every((unit) => `\\${unit.toString(8)}`), ['escape']],
    ['one escape among plain characters', githubToken.replace('_', '\\u005f'), ['escape']],
    ['decimal references', every((unit) => `&#${unit};`), ['html']],
    ['hexadecimal references', every((unit) => `&#x${hex(unit)};`), ['html']],
    ['a named reference', githubToken.replace('_', '&lowbar;'), ['html']],
    ['gzip in base64', base64(gzipSync(line)), ['base64', 'gzip']],
    ['zlib in base64', base64(deflateSync(line)), ['base64', 'gzip']],
    ['gzip in hexadecimal', gzipSync(line).toString('hex'), ['hex', 'gzip']],
    ['base64 of UTF-16', base64(Buffer.from(line, 'utf16le')), ['base64', 'utf-16']],
  ])('in %s', (_, text, via) => {
    const { stdout, report } = filterStdout(`log: "${text}" end`);

    expect(report.findings).toMatchObject([{ detector: 'github-token', via }]);
    expect(stdout).toMatch(/\[REDACTED:github-token:67e0\]/);
    expect(stdout.startsWith('log: "')).toBe(true);
    expect(stdout.endsWith('" end')).toBe(true);
  });

  test('in a compressed artifact, and that is withheld', () => {
    const artifact = { name: 'log.gz', mediaType: 'application/gzip', data: gzipSync(line) };

    const { artifacts, report } = buildBoundary().filterOutput(output({ artifacts: [artifact] }), []);

    expect(artifacts).toEqual([]);
    expect(report.findings).toMatchObject([{ detector: 'github-token', via: ['gzip'] }]);
  });
});

describe('only what carries the secret goes', () => {
  test('of base64, the digits of the token', () => {
    const encoded = base64(`first ${githubToken} and a last word`);

    const { stdout } = filterStdout(encoded);

    const [before = '', after = ''] = stdout.split('[REDACTED:github-token:67e0]');
    expect(Buffer.from(before, 'base64').toString()).toBe('first ');
    expect(encoded.endsWith(after)).toBe(true);
    expect(Math.floor((after.replaceAll('=', '').length * 6) / 8)).toBe(' and a last word'.length - 1);
  });

  test('of percent escapes, the escapes of the token', () => {
    expect(filterStdout(`?a=%20${githubToken.replace('_', '%5F')}%20b`).stdout).toBe(
      '?a=%20[REDACTED:github-token:67e0]%20b',
    );
  });
});

test.each([
  ['a commit hash', 'commit 9fceb02d0ae598e95dc970b74767f19372d61af8'],
  ['an SRI digest', `"integrity": "sha512-${base64(Buffer.alloc(64, 'q7Lm2VtR9xKd'))}"`],
  ['a path', 'node_modules/@types/express-serve-static-core/index.d.ts'],
  ['escapes', 'C:\\new\\table\\x41 100%25 &amp; &unknown; \\u12'],
  [
    'a small picture',
    `data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==`,
  ],
])('%s is left alone', (_, text) => {
  expect(filterStdout(text)).toMatchObject({ stdout: text, report: { verdict: 'clean' } });
});

describe('limits', () => {
  const bomb = base64(gzipSync(Buffer.alloc(200 * 1024 * 1024)));

  test('what unpacks to more than the budget is taken out unread', () => {
    const { stdout, report } = filterStdout(`a ${bomb} b`);

    expect(report.findings).toMatchObject([{ detector: 'undecoded', action: 'redact', count: 1 }]);
    expect(stdout).toMatch(/^a \[REDACTED:undecoded:[0-9a-f]{4}\]=* b$/);
  });

  test('many bombs cost one budget, not one each', () => {
    const small = base64(gzipSync(Buffer.alloc(3 * 1024 * 1024)));

    const { report } = buildBoundary().filterOutput(
      output({ result: Array.from({ length: 40 }, () => small), stdout: bytes('x') }),
      [],
    );

    expect(report.findings.filter(({ detector }) => detector === 'undecoded').length).toBeGreaterThan(30);
  });

  const percent = (text: string) =>
    encodeURIComponent(text.replaceAll(/\w/g, (one) => `%${hex(one.charCodeAt(0))}`));

  test.each([
    ['base64', base64(base64(base64(base64(line))))],
    ['base64, six times', base64(base64(base64(base64(base64(base64(line))))))],
    ['hexadecimal', Buffer.from(base64(base64(base64(line)))).toString('hex')],
    ['gzip', base64(gzipSync(base64(gzipSync(base64(base64(line))))))],
    ['percent escapes', encodeURIComponent(encodeURIComponent(percent(line)))],
  ])('what is encoded more than three times is taken out unread: %s', (_, text) => {
    const { stdout, report } = filterStdout(`a ${text} b`);

    expect([...new Set(report.findings.map(({ detector }) => detector))]).toEqual(['undecoded']);
    expect(stdout).toMatch(/^a .*\[REDACTED:undecoded:[0-9a-f]{4}\].* b$/s);
    expect(stdout.length).toBeLessThan(text.length);
  });

  test('three encodings are undone, and four of nothing in particular stay', () => {
    expect(filterStdout(base64(base64(base64(line)))).report.findings).toMatchObject([
      { detector: 'github-token', via: ['base64', 'base64', 'base64'] },
    ]);
    const random = base64(Buffer.from(Array.from({ length: 300 }, (_, at) => (at * at * 7919) % 251)));
    expect(filterStdout(base64(base64(base64(random)))).report.verdict).toBe('clean');
  });
});
