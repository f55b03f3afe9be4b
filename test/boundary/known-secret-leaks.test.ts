/** The promise about known secrets: every encoding × every way to cut a stream, and not a part of one leaves. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createBoundary } from '../../src/boundary/boundary.ts';
import { bytes, output, profile, redactionKey } from './support/filter.ts';

const secret = 'Zürich-q7Lm"2VtR/9xKd+4WfYb8';
const boundary = createBoundary({ redactionKey, knownSecrets: [{ id: 'vault', secret }] });
const profiles = [{ ...profile('outbound', {}), stream: 'live' as const }];

const raw = Buffer.from(secret);
const hex = raw.toString('hex');
const percent = hex.replaceAll(/../g, (pair) => `%${pair}`);
const units = [...secret].map((unit) => unit.charCodeAt(0));
const digits = (unit: number, width: number) => unit.toString(16).padStart(width, '0');
const after = (lead: string, encoding: 'base64' | 'base64url') =>
  Buffer.from(lead + secret).toString(encoding);

const encodings: readonly (readonly [string, string | Buffer])[] = [
  ['plain', secret],
  ['base64', after('', 'base64')],
  ['base64 after one byte', after('x', 'base64')],
  ['base64 after two bytes', after('xy', 'base64')],
  ['base64url', after('', 'base64url')],
  ['base64url after one byte', after('x', 'base64url')],
  ['base64url after two bytes', after('xy', 'base64url')],
  [
    'base64 in lines of 76, over a line end',
    (after('x'.repeat(50), 'base64').match(/.{1,76}/g) ?? []).join('\n'),
  ],
  ['hex', hex],
  ['capital hex', hex.toUpperCase()],
  ['hex with spaces', hex.replaceAll(/../g, '$& ')],
  ['hex with colons', hex.toUpperCase().replaceAll(/..(?=.)/g, '$&:')],
  ['Latin-1', Buffer.from(secret, 'latin1')],
  ['percent', percent],
  ['capital percent', percent.toUpperCase()],
  ['percent where needed', encodeURIComponent(secret)],
  ['JSON', JSON.stringify(secret)],
  ['JSON in JSON', JSON.stringify(JSON.stringify(secret))],
  ['reversed', [...secret].toReversed().join('')],
  ['unicode escapes', units.map((unit) => `\\u${digits(unit, 4)}`).join('')],
  ['byte escapes', [...raw].map((byte) => `\\x${digits(byte, 2)}`).join('')],
  ['octal escapes', [...raw].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')],
  ['HTML entities', units.map((unit) => `&#${unit};`).join('')],
  ['hexadecimal HTML entities', units.map((unit) => `&#x${digits(unit, 2)};`).join('')],
  ['UTF-16', Buffer.from(secret, 'utf16le')],
  ['UTF-16, big end first', Buffer.from(secret, 'utf16le').swap16()],
  ['gzip in base64', gzipSync(`x ${secret} y`).toString('base64')],
  ['base64 in base64', Buffer.from(after('x', 'base64')).toString('base64')],
  ['hex in base64', Buffer.from(hex).toString('base64')],
  ['zero-width spaces between', [...secret].join('\u200b')],
  ['colours between', [...secret].join('\u001b[1m')],
  ['behind a right-to-left override', `\u202e${secret}\u202c`],
  ['tag characters', [...secret].map((unit) => String.fromCodePoint(0xe0000 + unit.charCodeAt(0))).join('')],
];

/** Whether what left tells the secret to whoever undoes the encoding: its own decoder, or a look at a part of it. */
function tells(text: string, form: Buffer): boolean {
  const plain = text.replaceAll(/[\u0000\u200b :]|\u001b\[[0-9;]*m/g, '');
  return (
    plain.includes(secret) ||
    plain.includes(secret.slice(8)) ||
    plain.includes(hex) ||
    text.includes(form.toString('utf8'))
  );
}

describe.each(encodings)('%s', (_, encoded) => {
  const form = Buffer.from(encoded);
  const whole = Buffer.concat([Buffer.from('head ü\n'), form, Buffer.from('\ntail\n')]);
  const expected = boundary.filterOutput(output({ stdout: whole }), profiles).stdout;

  test('is taken out of the whole', () => {
    expect(expected).not.toBe(whole.toString('utf8'));
    expect(tells(expected, form)).toBe(false);
    expect(expected.startsWith('head ü\n')).toBe(true);
    expect(expected.endsWith('\ntail\n')).toBe(true);
  });

  test('and of a stream that is cut at any place, or at every place', () => {
    for (let cut = 0; cut <= whole.length; cut++) {
      const stream = boundary.filterStream('stdout', profiles);
      const text = stream.push(whole.subarray(0, cut)) + stream.push(whole.subarray(cut)) + stream.end().text;
      if (text !== expected) expect([cut, text]).toEqual([cut, expected]);
    }
    const stream = boundary.filterStream('stdout', profiles);
    const pieces = [...whole].map((byte) => stream.push(Uint8Array.of(byte)));
    expect(pieces.join('') + stream.end().text).toBe(expected);
  });

  test('and of a result, a key, an error, and the name and text of an artifact', () => {
    const text = form.toString('utf8');
    const filtered = boundary.filterOutput(
      output({
        result: { [text]: [text, { deep: `a ${text} b` }] },
        error: { name: 'Error', message: text, stack: text },
        artifacts: [{ name: text, mediaType: 'text/plain', data: form }],
      }),
      profiles,
    );
    const { data } = filtered.artifacts[0] ?? { data: bytes('') };
    for (const part of [JSON.stringify(filtered), new TextDecoder().decode(data)])
      expect(tells(part, form) || part.includes(JSON.stringify(text).slice(1, -1))).toBe(false);
  });
});
