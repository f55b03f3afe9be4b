import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { ARGUMENT_ERRORS_MAX } from '../../src/policy/arguments/validate-args.ts';
import type { ArgsValidation } from '../../src/policy/arguments/validate-args.ts';
import { validateArgs, validateOutput } from '../../src/policy/validate.ts';
import { compileText, exampleTool, problemsOf } from '../support/policy-directory.ts';

/** A tool whose input has these properties. */
function toolWith(properties: string, more = ''): string {
  return `apiVersion: sallyport/v1
kind: Tool
metadata: {name: t}
spec:
  input:
    type: object
    additionalProperties: false
    required: [code]
    properties:
      code: {type: string}
${properties}
${more}  runtime: {kind: isolate}
`;
}

async function validate(text: string, args: JsonObject): Promise<ArgsValidation> {
  const revision = await compileText(text);
  const [name = ''] = revision.tools.keys();
  return validateArgs(revision, { name }, args);
}

test('defaults are filled in on a copy', async () => {
  const args = { code: 'x' };
  expect(await validate(exampleTool, args)).toEqual({ ok: true, args: { code: 'x', limit: 100 } });
  expect(args).toEqual({ code: 'x' });
});

test('every mistake is named at once, with its place and never with the value', async () => {
  const args = { limt: 1, limit: 1001, ratio: 'secret', items: [1, 'a'], open: { any: 1 } };
  expect(await validate(exampleTool, args)).toEqual({
    ok: false,
    errors: [
      { pointer: '/code', keyword: 'required', message: 'missing argument' },
      { pointer: '/limt', keyword: 'additionalProperties', message: 'unknown argument', didYouMean: 'limit' },
      { pointer: '/items/0', keyword: 'type', message: 'must be string' },
      { pointer: '/limit', keyword: 'maximum', message: 'must be <= 1000' },
      { pointer: '/ratio', keyword: 'type', message: 'must be number' },
    ],
  });
});

test('a wrong choice names the choices and the nearest', async () => {
  const text = toolWith('      mode: {enum: [fast, slow]}');
  expect(await validate(text, { code: 'x', mode: 'fats' })).toEqual({
    ok: false,
    errors: [
      { pointer: '/mode', keyword: 'enum', message: 'must be one of "fast", "slow"', didYouMean: 'fast' },
    ],
  });
});

test('what does not fit a pattern is told in the words of the schema, where it has some', async () => {
  const text = toolWith(`      a: {type: string, pattern: "^b+$", description: "One b or more."}
      c: {type: string, pattern: "^d+$"}`);
  expect(await validate(text, { code: 'x', a: 'secret', c: 'secret' })).toEqual({
    ok: false,
    errors: [
      { pointer: '/a', keyword: 'pattern', message: 'must be as its description says: One b or more.' },
      { pointer: '/c', keyword: 'pattern', message: 'must match pattern "^d+$"' },
    ],
  });
});

test('one of several members is asked for by their names, when none is given and when two are', async () => {
  const text = toolWith(`      a: {type: object, oneOf: [{required: [b]}, {required: [c]}]}
      d: {oneOf: [{type: string, maxLength: 1}, {type: string, minLength: 9}]}
      e: {type: object, required: [f]}`);
  const choice = { pointer: '/a', keyword: 'oneOf', message: 'give one of b, c' };
  for (const a of [{}, { b: 'secret', c: 'secret' }])
    expect(await validate(text, { code: 'x', a, e: {} })).toEqual({
      ok: false,
      errors: [choice, { pointer: '/e/f', keyword: 'required', message: 'missing argument' }],
    });
  expect(await validate(text, { code: 'x', a: { b: 1 } })).toMatchObject({ ok: true });
  const other = await validate(text, { code: 'x', d: 'secret' });
  expect(other.ok ? [] : other.errors.map(({ message }) => message)).toContain(
    'must fit exactly one of the forms that its schema names',
  );
});

test('the number of mistakes reported is bounded', async () => {
  const items = Array.from({ length: 1_000 }, (_, at) => at);
  const result = await validate(toolWith('      items: {type: array, items: {type: string}}'), {
    code: 'x',
    items,
  });
  expect(result.ok ? 0 : result.errors.length).toBe(ARGUMENT_ERRORS_MAX);
});

test.each([64, 10_000])('nesting beyond the limit is a mistake and not a crash: %i', async (levels) => {
  let open: JsonObject = {};
  for (let depth = 1; depth < levels; depth++) open = { a: open };
  expect(await validate(exampleTool, { code: 'x', open })).toEqual({
    ok: false,
    errors: [{ pointer: '', keyword: 'depth', message: 'must not be nested deeper than 64 levels' }],
  });
});

test('a member named __proto__ is a member like any other', async () => {
  const args = JSON.parse('{"code": "x", "__proto__": {"limit": 1}}') as JsonObject;
  expect(await validate(exampleTool, args)).toMatchObject({ ok: false, errors: [{ pointer: '/__proto__' }] });
  const open = JSON.parse('{"code": "x", "open": {"__proto__": 1}}') as JsonObject;
  const result = await validate(exampleTool, open);
  expect(result.ok && JSON.stringify(result.args)).toBe('{"code":"x","open":{"__proto__":1},"limit":100}');
});

test('patterns match in linear time, each its own', async () => {
  const text = toolWith(`      a: {type: string, pattern: "^(a+)+$"}
      b: {type: string, pattern: "^b$"}
      c: {type: object, patternProperties: {"^(c+)+$": {type: integer}}, additionalProperties: false}`);
  expect((await validate(text, { code: 'x', a: 'aa', b: 'b', c: { cc: 1 } })).ok).toBe(true);
  expect(
    await validate(text, { code: 'x', a: `${'a'.repeat(200_000)}!`, b: 'a', c: { d: 1 } }),
  ).toMatchObject({
    errors: [{ pointer: '/a' }, { pointer: '/b' }, { pointer: '/c/d' }],
  });
});

test('formats are checked, on short strings only', async () => {
  const text = toolWith(
    '      when: {type: string, format: date-time}\n      at: {type: string, format: uri}\n      mail: {type: string, format: email}',
  );
  expect((await validate(text, { code: 'x', when: '2030-01-01T00:00:00Z', at: 'https://a.test/' })).ok).toBe(
    true,
  );
  expect((await validate(text, { code: 'x', when: 'yesterday' })).ok).toBe(false);
  expect((await validate(text, { code: 'x', at: `https://a.test/${'a'.repeat(4_096)}` })).ok).toBe(false);
  expect((await validate(text, { code: 'x', mail: 'a@b.test' })).ok).toBe(true);
  expect((await validate(text, { code: 'x', mail: `${'a'.repeat(4_096)}@b.test` })).ok).toBe(false);
});

test('references inside the schema are followed', async () => {
  const text = toolWith(
    '      a: {$ref: "#/$defs/small"}',
    '    $defs: {small: {type: integer, maximum: 3}}\n',
  );
  expect((await validate(text, { code: 'x', a: 3 })).ok).toBe(true);
  expect(await validate(text, { code: 'x', a: 4 })).toMatchObject({
    errors: [{ pointer: '/a', keyword: 'maximum' }],
  });
});

test.each([
  [
    'a remote reference',
    '      a: {$ref: "https://example.com/s.json"}',
    'must be a reference inside this schema',
  ],
  ['a reference to a file', '      a: {$ref: "other.json#/a"}', 'must be a reference inside this schema'],
  ['a lost reference', '      a: {$ref: "#/$defs/none"}', '#/$defs/none leads to nothing'],
  ['a recursive schema', '      a: {$ref: "#"}', '# leads back to itself'],
  ['an id of its own', '      a: {$id: "x", type: string}', '"$id" is not allowed here'],
  ['a dynamic reference', '      a: {$dynamicRef: "#x"}', '"$dynamicRef" is not allowed here'],
  [
    'another dialect',
    '      a: {$schema: "http://json-schema.org/draft-07/schema#"}',
    'must be https://json-schema.org/draft/2020-12/schema',
  ],
  ['look-ahead', '      a: {type: string, pattern: "(?!x)"}', 'not a pattern that matches in linear time'],
  [
    'a back-reference in a property name',
    '      a: {type: object, patternProperties: {"(a)\\\\1": {}}}',
    'not a pattern that matches in linear time',
  ],
  [
    'an overlong pattern',
    `      a: {type: string, pattern: "${'a'.repeat(1_001)}"}`,
    'longer than 1000 characters',
  ],
  [
    'deep comparison',
    '      a: {type: array, items: {type: object}, uniqueItems: true}',
    'uniqueItems without a scalar `type` of the items compares each with each other',
  ],
  [
    'an unknown keyword',
    '      a: {type: string, maxLenght: 3}',
    'unknown field "maxLenght" (did you mean "maxLength"?)',
  ],
  [
    'an unknown format',
    '      a: {type: string, format: phone}',
    '11:33 /spec/input/properties/a/format unknown format "phone" (known formats: date, time,',
  ],
  [
    'a misspelt format',
    '      a: {type: string, format: datetime}',
    'unknown format "datetime" (did you mean "date-time"?)',
  ],
  [
    'a keyword of another type',
    '      a: {type: string, minimum: 3}',
    '11:10 /spec/input/properties/a strict mode: missing type "number" for keyword "minimum"',
  ],
  [
    'a default that would never apply',
    '      a: {anyOf: [{type: object, properties: {b: {default: 1}}}]}',
    'default is ignored',
  ],
])('%s is refused at load', async (_, properties, expected) => {
  expect((await problemsOf(toolWith(properties))).join('\n')).toContain(expected);
});

test('references that double with every level are refused before they are followed', async () => {
  const levels = Array.from({ length: 30 }, (_, at) => {
    const next = `{$ref: "#/$defs/l${at + 1}"}`;
    return `      l${at}: {allOf: [${next}, ${next}]}`;
  });
  const text = toolWith(
    '      a: {$ref: "#/$defs/l0"}',
    `    $defs:\n${levels.join('\n')}\n      l30: {type: string}\n`,
  );
  expect((await problemsOf(text)).join('\n')).toContain(
    'more than 5000 sub-schemas once references are followed',
  );
});

test('results are held to the output schema, which fills nothing in', async () => {
  const text = exampleTool.replace(
    '  runtime:',
    '  output: {type: object, required: [rows], properties: {rows: {type: integer, default: 3}}}\n  runtime:',
  );
  const revision = await compileText(text);
  expect(validateOutput(revision, { name: 'example' }, { rows: 1 })).toEqual({ ok: true });
  expect(validateOutput(revision, { name: 'example' }, {})).toMatchObject({ ok: false });
  expect(validateOutput(revision, { name: 'example' }, 'text')).toMatchObject({ ok: false });
  const free = await compileText(exampleTool);
  expect(validateOutput(free, { name: 'example' }, 'text')).toEqual({ ok: true });
});

test('a tool of another revision is a mistake of ours', async () => {
  const revision = await compileText(exampleTool);
  expect(() => validateArgs(revision, { name: 'other' }, {})).toThrow(
    'the tool "other" is not part of revision sha256:',
  );
});
