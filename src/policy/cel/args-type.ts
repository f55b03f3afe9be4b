/**
 * Gives `args` the type that the tool's input schema says: `integer` → int, `number` → double, closed objects → a
 * message with known fields, arrays → lists. Whatever the schema leaves open is dynamic: found wrong when evaluated,
 * and an error never grants.
 */
import type { Environment } from '@marcbachmann/cel-js';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { derefer } from './schema-path.ts';

/** Makes a JSON value into what the evaluator expects of its type. */
type Convert = (value: JsonValue) => unknown;

interface CelType {
  readonly type: string;
  readonly convert: Convert;
}

const asIs: Convert = (value) => value;
const dynamic: CelType = { type: 'dyn', convert: asIs };
const toInt: Convert = (value) =>
  typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;

/** Declares `args` in the tool's own environment. The returned function wraps validated arguments, lazily. */
export function declareArgs(environment: Environment, input: JsonObject): Convert {
  const declaration = new Declaration(environment, input);
  const { type, convert } = declaration.typeOf(input);
  environment.registerVariable('args', type);
  return convert;
}

class Declaration {
  readonly #environment: Environment;
  readonly #root: JsonObject;
  #messages = 0;

  constructor(environment: Environment, root: JsonObject) {
    this.#environment = environment;
    this.#root = root;
  }

  typeOf(value: JsonValue | undefined): CelType {
    const schema = derefer(this.#root, value);
    switch (schema?.['type']) {
      case 'string':
        return { type: 'string', convert: asIs };
      case 'boolean':
        return { type: 'bool', convert: asIs };
      case 'number':
        return { type: 'double', convert: asIs };
      case 'integer':
        return { type: 'int', convert: toInt };
      case 'array':
        return this.#list(schema);
      case 'object':
        return isClosed(schema) ? this.#message(schema) : { type: 'map<string, dyn>', convert: asIs };
      default:
        return dynamic;
    }
  }

  #list(schema: JsonObject): CelType {
    const item = schema['prefixItems'] === undefined ? this.typeOf(schema['items']) : dynamic;
    if (item.convert === asIs) return { type: `list<${item.type}>`, convert: asIs };
    return {
      type: `list<${item.type}>`,
      convert: (value) => (Array.isArray(value) ? value.map((element) => item.convert(element)) : value),
    };
  }

  #message(schema: JsonObject): CelType {
    const properties = Object.entries((schema['properties'] ?? {}) as JsonObject);
    const members = properties.map(([name, property]) => [name, this.typeOf(property)] as const);
    // Numbered, because the evaluator keeps type names for the life of the process.
    const type = `Args${this.#messages++}`;
    const ctor = messageClass(new Map(members.map(([name, member]) => [name, member.convert])));
    const fields: Record<string, string> = Object.fromEntries(
      members.map(([name, member]) => [name, member.type]),
    );
    this.#environment.registerType(type, { ctor, fields });
    return { type, convert: (value) => new ctor(value) };
  }
}

/** Fields are converted when an expression asks for them, once. */
function messageClass(fields: ReadonlyMap<string, Convert>): new (value: JsonValue) => Map<string, unknown> {
  return class Message extends Map<string, unknown> {
    readonly #value: JsonValue;

    constructor(value: JsonValue) {
      super();
      this.#value = value;
    }

    override get(name: string): unknown {
      const known = super.get(name);
      if (known !== undefined) return known;
      const convert = fields.get(name);
      const object = this.#value;
      if (
        convert === undefined ||
        object === null ||
        typeof object !== 'object' ||
        !Object.hasOwn(object, name)
      ) {
        return undefined;
      }
      const converted = convert((object as JsonObject)[name] ?? null);
      super.set(name, converted);
      return converted;
    }
  };
}

function isClosed(schema: JsonObject): boolean {
  return (
    schema['additionalProperties'] === false &&
    schema['patternProperties'] === undefined &&
    schema['properties'] !== undefined
  );
}
