import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { publishedSchemas } from '../../src/policy/schemas/published.ts';

const published = publishedSchemas();
const schemas = [...published];

function schemaOf(name: string): object {
  return published.get(name) ?? {};
}

test.each(schemas)('policies/schemas/%s.json is what `sallyport policy schema` prints', (name, schema) => {
  const isSame = readFileSync(`policies/schemas/${name}.json`, 'utf8') === `${JSON.stringify(schema)}\n`;
  expect(isSame, 'out of date: run `sallyport policy schema --write policies/schemas`').toBe(true);
});

test.each(schemas)('%s is valid JSON Schema 2020-12', (_, schema) => {
  expect(new Ajv2020({ strict: false }).validateSchema(schema)).toBe(true);
});

const files = readdirSync('policies', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.yaml'),
);

test.each(files)('policies/%s names its schema for editors, and fits it', (file) => {
  const text = readFileSync(path.join('policies', file), 'utf8');
  const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1];
  const schema = path.join('policies', path.dirname(file), named ?? 'none');
  const ajv = new Ajv2020({ strict: false });
  const validate = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')) as object);
  const whole = ajv.compile(schemaOf('document'));
  for (const document of parseAllDocuments(text)) {
    expect(validate(document.toJSON())).toBe(true);
    expect(whole(document.toJSON())).toBe(true);
  }
});

test('a constant may stand where a value may, and nowhere beside one', () => {
  const validate = new Ajv2020({ strict: false }).compile(schemaOf('policy'));
  const policy = (limits: object): object => ({
    apiVersion: 'sallyport/v1',
    kind: 'Policy',
    metadata: { name: 'p' },
    spec: { subjects: [{}], rules: [{ name: 'r', effect: 'limit', tools: ['*'], limits }] },
  });
  expect(validate(policy({ timeout: '5s' }))).toBe(true);
  expect(validate(policy({ timeout: { $const: 'env.timeout' } }))).toBe(true);
  expect(validate(policy({ timeout: { $const: 'env.timeout', or: '5s' } }))).toBe(false);
  expect(validate(policy({ timeout: 5 }))).toBe(false);
});
