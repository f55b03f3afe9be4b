/**
 * What a tool's schema may not hold, because a hostile value could make it expensive or because it would reach out:
 * references that leave the document or come back to themselves, patterns that are not linear, deep comparisons; and
 * formats that nobody would check.
 */
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import { escapePointer } from '../json-pointer.ts';
import { compileLinearPattern } from '../linear-pattern.ts';
import { knownFormats } from './create-ajv.ts';

/** Nodes of a schema once its references are followed. */
const SCHEMA_NODES_MAX = 5_000;

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** Keywords whose value is not a schema but data. */
const DATA = new Set(['const', 'enum', 'default', 'examples', 'required', 'dependentRequired', 'type']);
/** Keywords whose members are schemas under names of the author's choosing. */
const NAMED = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
const SCALARS = new Set(['string', 'integer', 'number', 'boolean', 'null']);

/** Elements of a list that may be compared pairwise: 5,000 comparisons. */
const PAIRWISE_ITEMS_MAX = 100;

/** `pointer` is relative to the schema. */
export interface SchemaMistake {
  readonly isWarning: boolean;
  readonly pointer: string;
  readonly message: string;
  readonly hint?: string;
}

/** Every mistake of one schema, apart from those of form, which the JSON Schema of its document finds. */
export function checkInputSchema(schema: JsonObject): readonly SchemaMistake[] {
  const check = new SchemaCheck(schema);
  check.visit(schema, '', []);
  return check.mistakes;
}

class SchemaCheck {
  readonly mistakes: SchemaMistake[] = [];
  readonly #root: JsonObject;
  #nodes = 0;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  /** `via` holds the references followed on the way here. */
  visit(schema: JsonValue, pointer: string, via: readonly string[]): void {
    if (schema === null || typeof schema !== 'object') return;
    if (++this.#nodes > SCHEMA_NODES_MAX) {
      if (this.#nodes === SCHEMA_NODES_MAX + 1) {
        this.#complain('', `more than ${SCHEMA_NODES_MAX} sub-schemas once references are followed`);
      }
      return;
    }
    if (Array.isArray(schema)) {
      for (const [at, item] of schema.entries()) this.visit(item, `${pointer}/${at}`, via);
      return;
    }
    for (const [keyword, value] of Object.entries(schema)) {
      const at = `${pointer}/${escapePointer(keyword)}`;
      this.#checkKeyword(schema, keyword, value, at, via);
      if (NAMED.has(keyword)) this.#visitNamed(keyword, value, at, via);
      else if (!DATA.has(keyword)) this.visit(value, at, via);
    }
  }

  #visitNamed(keyword: string, value: JsonValue, pointer: string, via: readonly string[]): void {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const [name, schema] of Object.entries(value)) {
      const at = `${pointer}/${escapePointer(name)}`;
      if (keyword === 'patternProperties') this.#checkPattern(name, at);
      this.visit(schema, at, via);
    }
  }

  #checkKeyword(
    schema: JsonObject,
    keyword: string,
    value: JsonValue,
    at: string,
    via: readonly string[],
  ): void {
    if (keyword === '$ref') this.#checkReference(value, at, via);
    else if (keyword === '$schema' && value !== DIALECT) this.#complain(at, `must be ${DIALECT}`);
    else if (keyword === 'pattern' && typeof value === 'string') this.#checkPattern(value, at);
    else if (keyword === 'format' && typeof value === 'string') this.#checkFormat(value, at);
    else if (keyword === 'uniqueItems' && value === true) this.#checkUniqueItems(schema, at);
  }

  /** Ajv compares scalars of a declared type through a table, anything else each with each other. */
  #checkUniqueItems(schema: JsonObject, at: string): void {
    const { items, maxItems } = schema;
    if (hasScalarType(items)) return;
    const isBounded = typeof maxItems === 'number' && maxItems <= PAIRWISE_ITEMS_MAX;
    const message = 'uniqueItems without a scalar `type` of the items compares each with each other';
    const hint = isBounded
      ? 'declare items: {type: string} if they are strings'
      : `declare the type of the items, or maxItems of at most ${PAIRWISE_ITEMS_MAX}`;
    this.#complain(at, message, hint, isBounded);
  }

  #checkReference(value: JsonValue, at: string, via: readonly string[]): void {
    if (typeof value !== 'string' || !/^#(\/|$)/.test(value)) {
      this.#complain(at, 'only references inside this schema are followed', 'write "#/$defs/…"');
      return;
    }
    if (via.includes(value) || value === '#') {
      this.#complain(
        at,
        `${value} leads back to itself`,
        'recursive schemas are not allowed: their cost has no bound',
      );
      return;
    }
    const target = resolvePointer(this.#root, value.slice(1));
    if (target === undefined) this.#complain(at, `${value} leads to nothing`);
    else this.visit(target, value.slice(1), [...via, value]);
  }

  #checkPattern(pattern: string, at: string): void {
    try {
      compileLinearPattern(pattern);
    } catch (error) {
      this.#complain(at, error instanceof Error ? error.message : String(error));
    }
  }

  #checkFormat(format: string, at: string): void {
    if (knownFormats.includes(format)) return;
    const hint = didYouMeanHint(format, knownFormats) ?? `known formats: ${knownFormats.join(', ')}`;
    this.#complain(at, `unknown format "${format}"`, hint);
  }

  #complain(pointer: string, message: string, hint?: string, isWarning = false): void {
    const mistake = { pointer, message, isWarning };
    this.mistakes.push(hint === undefined ? mistake : { ...mistake, hint });
  }
}

function hasScalarType(items: JsonValue | undefined): boolean {
  if (items === undefined || items === null || typeof items !== 'object' || Array.isArray(items))
    return false;
  const types = Array.isArray(items['type']) ? items['type'] : [items['type']];
  return types.every((type) => typeof type === 'string' && SCALARS.has(type));
}

/** The value at a JSON pointer, or undefined. */
export function resolvePointer(root: JsonValue, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const token of pointer.split('/').slice(1)) {
    if (value === null || typeof value !== 'object') return undefined;
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}
