/**
 * Ajv as tools' schemas get it. Trusted: the schema, within what `check-input-schema.ts` lets through. Hostile: every
 * value; so patterns run in linear time and formats look at short strings only.
 */
import type { Format, FormatDefinition } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { compileLinearPattern } from '../linear-pattern.ts';

/** A longer string fits no `format`: some of their expressions backtrack, quadratically at worst. */
const FORMAT_CHARS_MAX = 4_096;

/** What `format` may say. */
export const knownFormats: readonly string[] = Object.keys(fullFormats);

export interface AjvOptions {
  /** Fill in declared defaults, in the value that is validated. */
  readonly useDefaults: boolean;
  /** Find every mistake; off, a hostile value fails at its first. */
  readonly allErrors: boolean;
}

export function createAjv(options: AjvOptions): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    strictTypes: true,
    strictTuples: true,
    allowUnionTypes: true,
    validateFormats: true,
    addUsedSchema: false,
    inlineRefs: false,
    logger: false,
    verbose: options.allErrors,
    // The form of schemas is checked before, by `schemas/json-schema.ts`: the meta-schema takes long to compile.
    validateSchema: false,
    ...options,
    code: { optimize: false, regExp: Object.assign(compileLinearPattern, { code: 'compileLinearPattern' }) },
  });
  for (const [name, format] of Object.entries(fullFormats)) ajv.addFormat(name, bounded(format));
  return ajv;
}

function bounded(format: Format): Format {
  if (format === true || typeof format === 'string') return format;
  if (format instanceof RegExp) return (text: string) => text.length <= FORMAT_CHARS_MAX && format.test(text);
  if (typeof format === 'function') return (text: string) => text.length <= FORMAT_CHARS_MAX && format(text);
  if (format.type === 'number' || format.async === true) return format;
  const { validate } = format as FormatDefinition<string>;
  if (typeof validate === 'string') return format;
  const test = validate instanceof RegExp ? (text: string) => validate.test(text) : validate;
  return { type: 'string', validate: (text: string) => text.length <= FORMAT_CHARS_MAX && test(text) };
}
