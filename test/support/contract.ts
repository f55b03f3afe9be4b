/** Holds answers to the OpenAPI document of the server that gave them. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';

interface MediaType {
  readonly schema: object;
}

export interface Operation {
  readonly method: string;
  /** OpenAPI form, `/v1/calls/{id}`. */
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody: { readonly content: Readonly<Record<string, MediaType>> } | null;
  readonly scope: string | null;
  /** Events that a request can leave. */
  readonly audits: readonly string[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, MediaType>> }>>;
}

export interface ObservedAnswer {
  readonly method: string;
  /** As requested, with or without a query. */
  readonly path: string;
  readonly status: number;
  readonly mediaType: string | null;
  readonly text: string;
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export class Contract {
  readonly operations: readonly Operation[];
  readonly #patterns: readonly (readonly [RegExp, Operation])[];
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<object, ValidateFunction>();

  constructor(document: OpenApiDocument) {
    this.#ajv = new Ajv2020({ strict: false });
    this.#ajv.addSchema({ $id: 'openapi', components: closed(document.components) });
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        parameters: (operation['parameters'] ?? []) as Operation['parameters'],
        requestBody: (operation['requestBody'] ?? null) as Operation['requestBody'],
        scope: (operation['x-scope'] ?? null) as string | null,
        audits: (operation['x-audits'] ?? []) as string[],
        responses: operation['responses'] as Operation['responses'],
      })),
    );
    this.#patterns = this.operations.map((operation) => [patternOf(operation.path), operation]);
  }

  /** What of the answer the document does not say; null where it says all. */
  violation(answer: ObservedAnswer): string | null {
    const found = this.find(answer.method, answer.path);
    if (found === null) return this.#unroutedViolation(answer);
    const response = found.responses[answer.status];
    if (response === undefined) return `status ${answer.status} is not documented`;
    const media = response.content ?? {};
    if (answer.text === '' && answer.mediaType === null) {
      const mayBeEmpty = Object.keys(media).length === 0 || answer.status === 202;
      return mayBeEmpty ? null : 'an empty body is not documented';
    }
    const documented = answer.mediaType === null ? undefined : (media[answer.mediaType] ?? media['*/*']);
    if (documented === undefined) return `${answer.status} as ${answer.mediaType} is not documented`;
    return /^application\/(.+\+)?json$/.test(answer.mediaType ?? '')
      ? this.#misfit(documented.schema, answer.text)
      : null;
  }

  find(method: string, path: string): Operation | null {
    const bare = path.split('?')[0] ?? '';
    const fits = this.#patterns.filter(
      ([pattern, operation]) => operation.method === method && pattern.test(bare),
    );
    // A path without parameters comes before one with them.
    return (
      fits.toSorted(([, a], [, b]) => a.path.split('{').length - b.path.split('{').length)[0]?.[1] ?? null
    );
  }

  #unroutedViolation({ mediaType, status, text }: ObservedAnswer): string | null {
    if (![400, 404, 405].includes(status) || mediaType !== 'application/problem+json')
      return `a path that is not documented answered ${status} as ${mediaType}`;
    return this.#misfit({ $ref: '#/components/schemas/Problem' }, text);
  }

  #misfit(schema: object, text: string): string | null {
    const known = this.#validators.get(schema);
    const validate = known ?? this.#ajv.compile(absolute(schema));
    this.#validators.set(schema, validate);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return 'the body is no JSON';
    }
    return validate(value) ? null : `the body does not fit: ${this.#ajv.errorsText(validate.errors)}`;
  }
}

function patternOf(path: string): RegExp {
  const parts = path.split(/\{(\w+)\}/).map((part, at) => {
    if (at % 2 === 0) return part.replaceAll('.', '\\.');
    return part === 'path' ? '.+' : '[^/]+';
  });
  return new RegExp(`^${parts.join('')}$`);
}

/** References into the document, from wherever they stand. */
function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/')) as object;
}

/** The document leaves room for members of later versions; this version must not have any that it does not name. */
function closed(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_name, value: unknown) => {
    const isOpen =
      typeof value === 'object' &&
      value !== null &&
      'properties' in value &&
      'type' in value &&
      value.type === 'object' &&
      !('additionalProperties' in value);
    return isOpen ? { ...value, additionalProperties: false } : value;
  }) as object;
}
