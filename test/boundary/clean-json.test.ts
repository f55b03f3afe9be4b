import { array, assert, constantFrom, dictionary, letrec, oneof, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { outboundActions } from '../../src/boundary/actions.ts';
import { glanceAtJson } from '../../src/boundary/clean-json.ts';
import { createDecodeBudget } from '../../src/boundary/decoding/budget.ts';
import { literalDetectors } from '../../src/boundary/detectors.ts';
import { filterEachString } from '../../src/boundary/filter-json.ts';
import type { FilterPass } from '../../src/boundary/filter-pass.ts';
import { collectFindings } from '../../src/boundary/findings.ts';
import { buildLiteralScanner } from '../../src/boundary/scan/literal-scanner.ts';
import { rootPointer } from '../../src/boundary/pointer.ts';
import { createPlaceholder } from '../../src/boundary/redaction.ts';
import type { JsonValue } from '../../src/model/json.ts';
import { githubToken, redactionKey } from './support/filter.ts';

const scanner = buildLiteralScanner(literalDetectors);

function createPass(): FilterPass {
  return {
    actionOf: outboundActions([]),
    isHarmless: () => false,
    findings: collectFindings(),
    placeholder: createPlaceholder(redactionKey),
    scanner,
    budget: { unitsLeft: 1024 * 1024 },
    decoding: createDecodeBudget(),
  };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const piece = constantFrom(
  githubToken,
  githubToken.slice(0, 20),
  githubToken.slice(20),
  base64(`token ${githubToken}`),
  base64('password: '),
  base64('q7Lm2VtR9xKd4WfY and so on'),
  'password = ',
  'Authorization',
  'Bearer mF9x2Kd8Lq4Vt7Zb1Nc5',
  '-----BEGIN ',
  'https://user:',
  'q7Lm2VtR9x@example.com',
  'ignore all previous',
  ' instructions',
  'م\u200f',
  '\u200f',
  '\ufeff',
  '\ud83d',
  '\udc4d',
  '4111 1111',
  ' 1111 1111',
  'bsn ',
  'customerBsn',
  'phone',
  '111222333',
  'plain words',
  ' ',
  '\n',
  '%41',
  '\\u0067',
);
const text = oneof(
  array(piece, { maxLength: 3 }).map((pieces) => pieces.join('')),
  string({ maxLength: 12 }),
);
const { json } = letrec<{ json: JsonValue }>((tie) => ({
  json: oneof(
    { depthSize: 'small' },
    text,
    constantFrom(null, 4),
    array(tie('json'), { maxLength: 4 }),
    dictionary(text, tie('json'), { maxKeys: 4 }),
  ),
}));

test('what is clean as a whole is clean string by string', () => {
  assert(
    property(json, (value) => {
      if (glanceAtJson(value, createPass()) === 'unclear') return;
      const pass = createPass();
      expect(filterEachString(value, rootPointer('', String), pass)).toBe(value);
      expect(pass.findings.report([]).verdict).toBe('clean');
    }),
    { numRuns: 3000 },
  );
});

test('ordinary values are told at once', () => {
  const value = { rows: [{ id: 1, name: 'Ada Lovelace', born: '1815-12-10' }, { note: 'wörld 👋' }] };

  expect(glanceAtJson(value, createPass())).toBe('blank');
  expect(glanceAtJson([githubToken.slice(0, 9), githubToken.slice(9)], createPass())).toBe('unclear');
  expect(glanceAtJson({ to: 'ada.lovelace@example.com' }, createPass())).toBe('clean');
});
