import { assert, constantFrom, property, sample, string, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Boundary } from '../../src/boundary/boundary.ts';
import { createBoundary } from '../../src/boundary/boundary.ts';
import { bytes, output, redactionKey } from './support/filter.ts';

const secret = 'hünter2 "quoted"/+';

function knowing(secret: string): Boundary {
  return createBoundary({ redactionKey, knownSecrets: [{ id: 'bootstrap-key', secret }] });
}

const raw = Buffer.from(secret);

describe('a known secret is found', () => {
  test.each([
    ['in plain', secret, []],
    ['in base64', raw.toString('base64'), ['base64']],
    ['in base64 after one byte', Buffer.concat([Buffer.from('x'), raw]).toString('base64'), ['base64']],
    [
      'in base64 after two bytes',
      Buffer.concat([Buffer.from('xy'), raw, Buffer.from('z')]).toString('base64'),
      ['base64'],
    ],
    ['in hex', raw.toString('hex'), ['hex']],
    ['in capital hex', raw.toString('hex').toUpperCase(), ['hex']],
    ['percent-encoded where needed', encodeURIComponent(secret), ['percent']],
    ['percent-encoded throughout', raw.toString('hex').replaceAll(/../g, (pair) => `%${pair}`), ['percent']],
    ['inside a JSON string', JSON.stringify(secret).slice(1, -1), ['json']],
    ['reversed', [...secret].toReversed().join(''), ['reversed']],
  ])('%s', (_, text, via) => {
    const { stdout, report } = knowing(secret).filterOutput(output({ stdout: bytes(`a (${text}) b`) }), []);

    expect(stdout).toMatch(/^a \((?:eH|e)?\[REDACTED:bootstrap-key:86b8\][A-Za-z0-9=]{0,4}\) b$/);
    expect(report.findings).toMatchObject([
      { detector: 'known-secret', action: 'redact', confidence: 'high', via },
    ]);
  });

  test('in base64url', () => {
    const url = knowing('~~~???>>>~~~???').filterOutput(
      output({ stdout: bytes(Buffer.from('~~~???>>>~~~???').toString('base64url')) }),
      [],
    );

    expect(url.report.findings).toMatchObject([{ detector: 'known-secret', via: ['base64url'] }]);
  });

  test('in the bytes of a binary artifact, which is withheld', () => {
    const data = new Uint8Array([0, 255, ...bytes(secret)]);

    const { artifacts, report } = knowing(secret).filterOutput(
      output({ artifacts: [{ name: 'core', mediaType: 'application/octet-stream', data }] }),
      [],
    );

    expect(artifacts).toEqual([]);
    expect(report.findings).toMatchObject([{ detector: 'known-secret', where: '/artifacts/0@2' }]);
  });

  test('split over two fields', () => {
    const { result } = knowing(secret).filterOutput(
      output({ result: { a: secret.slice(0, 7), b: secret.slice(7) } }),
      [],
    );

    expect(result).toEqual({ a: '[REDACTED:bootstrap-key:86b8]', b: '[REDACTED:bootstrap-key:86b8]' });
  });
});

test('a form that no list holds is found by decoding', () => {
  const escaped = [...secret]
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

  expect(knowing(secret).redactText(`"${escaped}"`)).toBe('"[REDACTED:bootstrap-key:86b8]"');
});

/** A filter takes longer to build than to use: a property builds a handful, and draws from them. */
function anyOf(secrets: Parameters<typeof sample<string>>[0]) {
  return constantFrom(...sample(secrets, 8).map((secret) => ({ secret, boundary: knowing(secret) })));
}

test('no base64 text around a secret shows any of it, whatever stands before and after', () => {
  const alphabet = constantFrom(...'abcXYZ019-_.~!ü€'.split(''));
  const anySecret = anyOf(string({ unit: alphabet, minLength: 8, maxLength: 40 }));

  assert(
    property(
      anySecret,
      uint8Array({ maxLength: 9 }),
      uint8Array({ maxLength: 9 }),
      ({ secret, boundary }, before, after) => {
        const encoded = Buffer.concat([before, Buffer.from(secret), after]).toString('base64');
        const filtered = boundary.redactText(encoded);

        expect(filtered).toContain('[REDACTED:bootstrap-key:');
        const [left = '', right = ''] = filtered.split(/\[REDACTED:bootstrap-key:[0-9a-f]{4}\]/);
        expect(Buffer.from(left, 'base64').length).toBeLessThanOrEqual(before.length);
        expect(right.replaceAll('=', '').length).toBeLessThanOrEqual(Math.ceil((after.length * 8) / 6));
      },
    ),
    { numRuns: 200 },
  );
});

test('the report says that known secrets were looked for', () => {
  expect(knowing(secret).filterOutput(output({}), []).report.scanned).toEqual([
    'known-secrets',
    'secrets',
    'pii',
    'exfiltration',
    'injection',
    'unicode',
  ]);
});

test('what cannot be looked for is refused, and the message holds no secret', () => {
  expect(() => knowing('short')).toThrow(
    'known secret bootstrap-key: use 8 to 16384 characters of well-formed text',
  );
  expect(() => createBoundary({ redactionKey, knownSecrets: [{ id: 'Bad Id', secret }] })).toThrow(
    'known secret id "Bad Id": use lower-case letters, digits and "-", at most 40',
  );
  const many = Array.from({ length: 257 }, (_, index) => ({ id: 'x', secret: `secret number ${index}` }));
  expect(() => createBoundary({ redactionKey, knownSecrets: many })).toThrow(
    '257 known secrets; at most 256 can be looked for',
  );
});

describe('zero leaks', () => {
  const hex = (unit: number, digits: number) => unit.toString(16).padStart(digits, '0');
  const each = (text: string, write: (unit: number) => string) =>
    Array.from({ length: text.length }, (_, at) => write(text.charCodeAt(at))).join('');
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  /** Each writes the text and reads it back. */
  const encodings: Record<string, readonly [(text: string) => string, (text: string) => string]> = {
    plain: [(text) => text, (text) => text],
    base64: [base64, (text) => Buffer.from(text, 'base64').toString()],
    base64url: [
      (text) => Buffer.from(text).toString('base64url'),
      (text) => Buffer.from(text, 'base64url').toString(),
    ],
    hex: [(text) => Buffer.from(text).toString('hex'), (text) => Buffer.from(text, 'hex').toString()],
    percent: [
      (text) => each(text, (unit) => `%${hex(unit, 2)}`),
      (text) =>
        text.replaceAll(/%([0-9a-f]{2})/g, (_, digits: string) =>
          String.fromCharCode(Number.parseInt(digits, 16)),
        ),
    ],
    unicode: [
      (text) => each(text, (unit) => `\\u${hex(unit, 4)}`),
      (text) =>
        text.replaceAll(/\\u([0-9a-f]{4})/g, (_, digits: string) =>
          String.fromCharCode(Number.parseInt(digits, 16)),
        ),
    ],
    html: [
      (text) => each(text, (unit) => `&#${unit};`),
      (text) => text.replaceAll(/&#(\d+);/g, (_, digits: string) => String.fromCharCode(Number(digits))),
    ],
    reversed: [(text) => [...text].toReversed().join(''), (text) => [...text].toReversed().join('')],
  };
  const name = constantFrom(...Object.keys(encodings));
  /** Only the secret itself is looked for from behind, not what it was encoded to before. */
  const outermost = constantFrom(...Object.keys(encodings).filter((name) => name !== 'reversed'));
  const anySecret = anyOf(
    string({ unit: constantFrom(...'abcdXYZ0189-_.~+/!'), minLength: 12, maxLength: 60 }),
  );
  const around = string({ unit: constantFrom(...'abc XYZ09/+=-_\n":'), maxLength: 20 });

  test('in two encodings, one inside the other, whatever stands around it', () => {
    assert(
      property(
        anySecret,
        name,
        outermost,
        around,
        around,
        ({ secret, boundary }, inner, outer, before, after) => {
          const [writeInner, readInner] = encodings[inner] ?? [String, String];
          const [writeOuter, readOuter] = encodings[outer] ?? [String, String];
          const filtered = boundary.redactText(before + writeOuter(`key ${writeInner(secret)} end`) + after);

          expect(filtered).not.toContain(secret);
          // Read back from every place where the encoded text may start: what is left tells nothing.
          for (let at = 0; at < Math.min(filtered.length, 24); at++)
            expect(readInner(readOuter(filtered.slice(at)))).not.toContain(secret);
          expect(filtered).toContain('[REDACTED:');
        },
      ),
      { numRuns: 200 },
    );
  });

  test('split over fields of one object at every place', () => {
    const secret = 'q7Lm2VtR9xKd4WfYb8Nz';
    for (let cut = 1; cut < secret.length; cut++) {
      const { result } = knowing(secret).filterOutput(
        output({ result: { a: secret.slice(0, cut), b: secret.slice(cut) } }),
        [],
      );
      expect(Object.values(result as Record<string, string>).join('')).not.toContain(secret);
    }
  });
});
