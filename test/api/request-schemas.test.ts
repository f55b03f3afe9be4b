import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/api/schemas.ts';

test.each(Object.entries(requestSchemas))('%s is a JSON Schema that compiles strictly', (_name, schema) => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  expect(ajv.validateSchema(schema)).toBe(true);
  expect(ajv.compile(schema)({ unknown: true })).toBe(false);
});
