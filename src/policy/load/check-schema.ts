/** Checks documents against the JSON Schema of their kind and says every mistake at its place. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonValue } from '../../model/json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import { kinds } from '../documents.ts';
import type { Kind, SourceDocument } from '../documents.ts';
import { escapePointer } from '../json-pointer.ts';
import type { PolicyProblem } from '../problem.ts';
import {
  fieldsNotSupported,
  kindsNotSupported,
  policySchemas,
  valuesNotSupported,
} from '../schemas/index.ts';

const PROBLEMS_PER_DOCUMENT_MAX = 200;

export interface SchemaChecker {
  /** The kind of a document that fits its schema, else null after `problems` grew. */
  check(document: SourceDocument, problems: PolicyProblem[]): Kind | null;
}

/** Compiles the schemas once; the checker may be used for any number of documents. */
export function createSchemaChecker(): SchemaChecker {
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: true,
    verbose: true,
    // Our own constants; a test holds them to the meta-schema, which takes long to compile.
    validateSchema: false,
    code: { optimize: false },
    logger: false,
  });
  const validators = new Map<Kind, ValidateFunction>(
    kinds.map((kind) => [kind, ajv.compile(policySchemas[kind])]),
  );
  return {
    check(document, problems) {
      const kind = kindOf(document, problems);
      const validate = kind === null ? undefined : validators.get(kind);
      if (kind === null || validate === undefined || validate(document.value)) return kind;
      const found = (validate.errors ?? []).filter(isOwnMistake).slice(0, PROBLEMS_PER_DOCUMENT_MAX);
      for (const error of found) problems.push(describe(document, error));
      return null;
    },
  };
}

function kindOf(document: SourceDocument, problems: PolicyProblem[]): Kind | null {
  const { value } = document;
  const complain = (path: string, message: string, hint?: string): null => {
    problems.push(problemAt(document, path, document.locate(path), message, hint));
    return null;
  };
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return complain('', 'a policy document must be an object', 'start with apiVersion, kind, metadata, spec');
  }
  const kind = value['kind'];
  if (typeof kind !== 'string') return complain('', 'missing field "kind"', `one of ${kinds.join(', ')}`);
  const known = kinds.find((candidate) => candidate === kind);
  if (known !== undefined) return known;
  if (kindsNotSupported.includes(kind)) {
    return complain('/kind', `kind ${kind} is not supported by this version`, 'remove the document');
  }
  return complain(
    '/kind',
    `unknown kind "${kind}"`,
    didYouMeanHint(kind, kinds) ?? `one of ${kinds.join(', ')}`,
  );
}

/** Drops ajv's summaries of other errors: `if` and the branches of `oneOf`. */
function isOwnMistake(error: ErrorObject): boolean {
  if (error.keyword === 'if' || error.keyword === 'propertyNames') return false;
  return !/\/oneOf\/[0-9]+\//.test(error.schemaPath);
}

function describe(document: SourceDocument, error: ErrorObject): PolicyProblem {
  const at = error.instancePath;
  switch (error.keyword) {
    case 'additionalProperties': {
      const field = String(error.params['additionalProperty']);
      const pointer = `${at}/${escapePointer(field)}`;
      const place = document.locateKey(pointer);
      if (fieldsNotSupported.includes(field)) {
        const message = `"${field}" is not supported by this version`;
        return problemAt(document, pointer, place, message, 'remove it: it would not be in force');
      }
      const known = Object.keys(propertiesOf(error));
      const hint =
        didYouMeanHint(field, known) ?? (known.length > 0 ? `known fields: ${known.join(', ')}` : undefined);
      return problemAt(document, pointer, place, `unknown field "${field}"`, hint);
    }
    case 'required': {
      const field = String(error.params['missingProperty']);
      const hint = field === 'subjects' ? 'write `subjects: [{}]` to mean everyone' : undefined;
      return problemAt(document, at, document.locate(at), `missing field "${field}"`, hint);
    }
    case 'enum':
      return describeChoice(document, error);
    case 'const':
      return problemAt(
        document,
        at,
        document.locate(at),
        `must be ${JSON.stringify(error.params['allowedValue'])}`,
      );
    case 'oneOf':
      return problemAt(document, at, document.locate(at), 'needs exactly one of build and digest');
    case 'pattern':
    case 'type':
      return describePattern(document, error);
    default:
      return problemAt(document, at, document.locate(at), error.message ?? 'does not fit the schema');
  }
}

function describeChoice(document: SourceDocument, error: ErrorObject): PolicyProblem {
  const at = error.instancePath;
  const place = document.locate(at);
  const allowed = (error.params['allowedValues'] as readonly unknown[]).map(String);
  const value: unknown = error.data;
  if (typeof value === 'string' && valuesNotSupported.includes(value)) {
    const message = `"${value}" is not supported by this version`;
    return problemAt(document, at, place, message, `use ${allowed.join(' or ')}`);
  }
  const hint = typeof value === 'string' ? didYouMeanHint(value, allowed) : undefined;
  return problemAt(document, at, place, `must be one of ${allowed.join(', ')}`, hint);
}

function describePattern(document: SourceDocument, error: ErrorObject): PolicyProblem {
  const parent = error.parentSchema as { readonly description?: string } | undefined;
  const fallback =
    error.keyword === 'type' ? String(error.params['type']).replaceAll(',', ' or ') : 'text of another form';
  const message = `must be ${parent?.description ?? fallback}`;
  if (error.propertyName === undefined) {
    return problemAt(document, error.instancePath, document.locate(error.instancePath), message);
  }
  const pointer = `${error.instancePath}/${escapePointer(error.propertyName)}`;
  return problemAt(document, pointer, document.locateKey(pointer), message);
}

function propertiesOf(error: ErrorObject): object {
  const parent = error.parentSchema as
    | { readonly properties?: Readonly<Record<string, JsonValue>> }
    | undefined;
  return parent?.properties ?? {};
}

function problemAt(
  document: SourceDocument,
  path: string,
  place: { readonly line: number; readonly column: number },
  message: string,
  hint?: string,
): PolicyProblem {
  const problem = { file: document.file, line: place.line, column: place.column, path, message };
  return hint === undefined ? problem : { ...problem, hint };
}
