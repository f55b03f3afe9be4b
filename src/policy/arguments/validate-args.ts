/** Arguments against a tool's schema: every mistake at once, defaults filled in on a copy. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { createAjv } from './create-ajv.ts';
import { copyJson, JSON_DEPTH_MAX } from '../copy-json.ts';
import { nearestName } from '../did-you-mean.ts';
import { escapePointer } from '../json-pointer.ts';

/** Mistakes reported for one call; more would not help the caller. */
export const ARGUMENT_ERRORS_MAX = 32;

export interface ArgumentError {
  /** JSON pointer into the arguments. */
  readonly pointer: string;
  /** The keyword of JSON Schema that failed. */
  readonly keyword: string;
  /** Names the rule, never the value. */
  readonly message: string;
  readonly didYouMean?: string;
}

export type ArgsValidation =
  | { readonly ok: true; readonly args: JsonObject }
  | { readonly ok: false; readonly errors: readonly ArgumentError[] };

/** Validates values against one schema; never changes what it is given. */
export type Validator = (value: JsonValue) => ArgsValidation;

/**
 * Compiles the schemas of one revision's tools, whose form has been checked (`schemas/json-schema.ts`). A schema that
 * ajv refuses throws, with ajv's words.
 */
export class ValidatorFactory {
  readonly #args = createAjv({ useDefaults: true, allErrors: false });
  readonly #output = createAjv({ useDefaults: false, allErrors: false });
  #argsThorough: Ajv2020 | null = null;
  #outputThorough: Ajv2020 | null = null;

  /** Defaults are filled in. */
  forArgs(schema: JsonObject): Validator {
    return createValidator(this.#args.compile(schema), () => {
      this.#argsThorough ??= createAjv({ useDefaults: true, allErrors: true });
      return this.#argsThorough.compile(schema);
    });
  }

  forOutput(schema: JsonObject): Validator {
    return createValidator(this.#output.compile(schema), () => {
      this.#outputThorough ??= createAjv({ useDefaults: false, allErrors: true });
      return this.#outputThorough.compile(schema);
    });
  }
}

/**
 * `accept` stops at the first mistake, so that a hostile value fails early and cheaply. Only then is the function that
 * finds the rest compiled: most tools never need it.
 */
function createValidator(accept: ValidateFunction, compileExplain: () => ValidateFunction): Validator {
  let explain: ValidateFunction | null = null;
  return (value) => {
    let copy: JsonValue;
    try {
      copy = copyJson(value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const message = `must not be nested deeper than ${JSON_DEPTH_MAX} levels`;
      return { ok: false, errors: [{ pointer: '', keyword: 'depth', message }] };
    }
    if (accept(copy)) return { ok: true, args: copy as JsonObject };
    explain ??= compileExplain();
    return { ok: false, errors: explainErrors(explain, copyJson(value)) };
  };
}

function explainErrors(explain: ValidateFunction, value: JsonValue): readonly ArgumentError[] {
  explain(value);
  const errors = (explain.errors ?? []).filter(
    ({ keyword }) => keyword !== 'if' && keyword !== 'propertyNames',
  );
  const choices = new Set(errors.filter((error) => membersToChoose(error) !== null).map(placeOf));
  return errors
    .filter((error) => {
      const place = placeOf(error);
      return !branchOfChoice.test(place) || !choices.has(place.replace(branchOfChoice, ''));
    })
    .slice(0, ARGUMENT_ERRORS_MAX)
    .map(describe);
}

/** Behind the place of a `oneOf`: what is missing for one of its branches. */
const branchOfChoice = /\/[0-9]+\/required$/;

function placeOf({ instancePath, schemaPath }: ErrorObject): string {
  return `${instancePath} ${schemaPath}`;
}

/** The members of which a `oneOf` wants one, `oneOf: [{required: [a]}, {required: [b]}]`; null for any other error. */
function membersToChoose({ keyword, schema }: ErrorObject): readonly string[] | null {
  if (keyword !== 'oneOf') return null;
  const names = (schema as readonly JsonValue[]).map((branch) => {
    const { required, ...rest } = Object(branch) as JsonObject;
    return Array.isArray(required) && required.length === 1 && Object.keys(rest).length === 0
      ? required[0]
      : null;
  });
  return names.every((name) => typeof name === 'string') ? names : null;
}

function describe(error: ErrorObject): ArgumentError {
  const { keyword, instancePath, params } = error;
  switch (keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      const known = Object.keys(
        (error.parentSchema as { readonly properties?: object } | undefined)?.properties ?? {},
      );
      return withNear(
        { pointer: member(instancePath, name), keyword, message: 'unknown argument' },
        name,
        known,
      );
    }
    case 'required': {
      const name = String(params['missingProperty']);
      return { pointer: member(instancePath, name), keyword, message: 'missing argument' };
    }
    case 'enum': {
      const allowed = params['allowedValues'] as readonly JsonValue[];
      const message = `must be one of ${allowed.map((value) => JSON.stringify(value)).join(', ')}`;
      const value = typeof error.data === 'string' ? error.data : '';
      const names = allowed.filter((name) => typeof name === 'string');
      return withNear({ pointer: instancePath, keyword, message }, value, names);
    }
    case 'const':
      return { pointer: instancePath, keyword, message: `must be ${JSON.stringify(params['allowedValue'])}` };
    case 'pattern': {
      // People read words: the expression is shown where the schema has none.
      const { description } = error.parentSchema as { readonly description?: JsonValue };
      const message =
        typeof description === 'string'
          ? `must be as its description says: ${description}`
          : (error.message ?? 'does not fit the pattern');
      return { pointer: pointerOf(error), keyword, message };
    }
    case 'oneOf': {
      const names = membersToChoose(error);
      const message =
        names === null
          ? 'must fit exactly one of the forms that its schema names'
          : `give one of ${names.join(', ')}`;
      return { pointer: pointerOf(error), keyword, message };
    }
    default:
      return {
        pointer: pointerOf(error),
        keyword,
        message: error.message ?? 'does not fit the schema',
      };
  }
}

function pointerOf({ instancePath, propertyName }: ErrorObject): string {
  return propertyName === undefined ? instancePath : member(instancePath, propertyName);
}

function member(pointer: string, name: string): string {
  return `${pointer}/${escapePointer(name)}`;
}

function withNear(error: ArgumentError, name: string, known: readonly string[]): ArgumentError {
  const near = name === '' ? null : nearestName(name, known);
  return near === null ? error : { ...error, didYouMean: near };
}
