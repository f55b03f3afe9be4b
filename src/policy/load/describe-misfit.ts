/** What ajv found in a policy document, in words for an operator and at its place. */
import type { ErrorObject } from 'ajv';
import type { JsonValue } from '../../model/json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { Place, SourceDocument } from '../documents.ts';
import { escapePointer } from '../json-pointer.ts';
import type { PolicyProblem } from '../problem.ts';
import { fieldsNotSupported, valuesNotSupported } from '../schemas/index.ts';
import type { Misfit } from './salvage.ts';

/** Drops ajv's summaries of other errors: `if`, `propertyNames` and the branches of `oneOf`. */
export function isOwnMistake(error: ErrorObject): boolean {
  if (error.keyword === 'if' || error.keyword === 'propertyNames') return false;
  return !/\/oneOf\/[0-9]+\//.test(error.schemaPath);
}

/** Which part of the document an error is about. */
export function misfitOf(error: ErrorObject): Misfit {
  const at = error.instancePath;
  const member = (name: unknown): string => `${at}/${escapePointer(String(name))}`;
  if (error.keyword === 'required')
    return { pointer: member(error.params['missingProperty']), isMissing: true };
  if (error.keyword === 'additionalProperties') {
    return { pointer: member(error.params['additionalProperty']), isMissing: false };
  }
  return { pointer: error.propertyName === undefined ? at : member(error.propertyName), isMissing: false };
}

/** `constants`: by pointer, the name of the constant that was put in there. */
export function describeMisfit(
  document: SourceDocument,
  error: ErrorObject,
  constants: ReadonlyMap<string, string>,
): PolicyProblem {
  const { pointer, isMissing } = misfitOf(error);
  const path = isMissing ? error.instancePath : pointer;
  const isKey = error.keyword === 'additionalProperties' || error.propertyName !== undefined;
  const { line, column }: Place = isKey ? document.locateKey(path) : document.locate(path);
  const { message, hint } = wordsFor(error);
  const constant = constantAt(path, constants);
  const origin = constant === null ? '' : ` (the value is the constant ${constant})`;
  const problem = { file: document.file, line, column, path, message: message + origin };
  return hint === undefined ? problem : { ...problem, hint };
}

function constantAt(path: string, constants: ReadonlyMap<string, string>): string | null {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const name = constants.get(at);
    if (name !== undefined) return name;
  }
  return null;
}

interface Words {
  readonly message: string;
  readonly hint?: string | undefined;
}

function wordsFor(error: ErrorObject): Words {
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(error, String(error.params['additionalProperty']));
    case 'required':
      return missingField(String(error.params['missingProperty']));
    case 'enum':
      return choice(error);
    case 'const':
      return { message: `must be ${JSON.stringify(error.params['allowedValue'])}` };
    case 'oneOf':
      return { message: `needs exactly one of ${branchesOf(error).join(' and ')}` };
    case 'not':
      return {
        message: `"${error.instancePath.split('/').at(-1)}" ${descriptionOf(error) ?? 'is not allowed here'}`,
      };
    case 'pattern':
    case 'type':
      return form(error);
    default:
      return { message: error.message ?? 'does not fit the schema' };
  }
}

function unknownField(error: ErrorObject, field: string): Words {
  if (fieldsNotSupported.includes(field)) {
    const message = `"${field}" is not supported by this version`;
    return { message, hint: 'remove it: it would not be in force' };
  }
  const known = Object.keys(propertiesOf(error));
  const listed = known.length > 0 && known.length <= 20 ? `known fields: ${known.join(', ')}` : undefined;
  return { message: `unknown field "${field}"`, hint: didYouMeanHint(field, known) ?? listed };
}

function missingField(field: string): Words {
  return { message: `missing field "${field}"`, hint: fieldHints.get(field) };
}

const fieldHints: ReadonlyMap<string, string> = new Map([
  ['apiVersion', 'write `apiVersion: sallyport/v1`'],
  ['subjects', 'write `subjects: [{}]` to mean everyone'],
  ['limits', 'a limit rule caps something: limits: {timeout: 2s}'],
  ['approval', 'say who may approve: approval: {approvers: [{roles: [lead]}]}'],
  ['inject', 'how the secret is sent: inject: {header: Authorization, value: "Bearer ${secret}"}'],
  ['hosts', 'where the secret may be sent: hosts: [db.example.com]'],
  ['window', 'over which time is counted: add window: 1m'],
]);

function choice(error: ErrorObject): Words {
  const allowed = (error.params['allowedValues'] as readonly unknown[]).map(String);
  const value: unknown = error.data;
  if (typeof value === 'string' && valuesNotSupported.includes(value)) {
    return { message: `"${value}" is not supported by this version`, hint: `use ${allowed.join(' or ')}` };
  }
  const hint = typeof value === 'string' ? didYouMeanHint(value, allowed) : undefined;
  return { message: `must be one of ${allowed.join(', ')}`, hint };
}

function form(error: ErrorObject): Words {
  const fallback =
    error.keyword === 'type' ? String(error.params['type']).replaceAll(',', ' or ') : 'text of another form';
  return { message: `must be ${descriptionOf(error) ?? fallback}` };
}

function descriptionOf(error: ErrorObject): string | undefined {
  return (error.parentSchema as { readonly description?: string } | undefined)?.description;
}

/** The fields of which `oneOf` wants one. */
function branchesOf({ parentSchema }: ErrorObject): readonly string[] {
  const { oneOf = [] } = parentSchema as { readonly oneOf?: readonly { readonly required: string[] }[] };
  return oneOf.flatMap(({ required }) => required);
}

function propertiesOf(error: ErrorObject): object {
  const parent = error.parentSchema as
    | { readonly properties?: Readonly<Record<string, JsonValue>> }
    | undefined;
  return parent?.properties ?? {};
}
