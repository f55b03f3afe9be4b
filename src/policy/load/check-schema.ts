/** Checks documents against the JSON Schema of their kind; what fits is kept also where a part does not. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonValue } from '../../model/json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import { kinds } from '../documents.ts';
import type { Kind, SourceDocument } from '../documents.ts';
import type { PolicyProblem } from '../problem.ts';
import { kindsNotSupported, policySchemas } from '../schemas/index.ts';
import { describeMisfit, isOwnMistake, misfitOf } from './describe-misfit.ts';
import { salvage } from './salvage.ts';

const PROBLEMS_PER_DOCUMENT_MAX = 200;

/** A document on its way through the check. */
export interface Candidate {
  readonly document: SourceDocument;
  /** Pointers of values whose mistake was reported already. */
  readonly holes: ReadonlySet<string>;
  /** By pointer: the constant that was put in. */
  readonly constants: ReadonlyMap<string, string>;
}

/** Compiles the schema of a kind when its first document comes; usable for any number of documents. */
export class SchemaChecker {
  readonly #ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    strictTypes: false,
    allowUnionTypes: true,
    allErrors: true,
    verbose: true,
    // Our own constants; a test holds them to the meta-schema, which takes long to compile.
    validateSchema: false,
    code: { optimize: false },
    logger: false,
  });
  readonly #validators = new Map<Kind, ValidateFunction>();

  /**
   * The document as it fits the schema of its kind: itself, or, after `problems` grew, what could be kept of it. Null
   * when nothing could.
   */
  check(kind: Kind, candidate: Candidate, problems: PolicyProblem[]): SourceDocument | null {
    const { document, holes, constants } = candidate;
    const errors = this.#errorsOf(kind, document.value);
    if (errors.length === 0 && holes.size === 0) return document;
    const unreported = errors.filter(({ instancePath }) => !isInHole(instancePath, holes));
    for (const error of unreported.slice(0, PROBLEMS_PER_DOCUMENT_MAX)) {
      problems.push(describeMisfit(document, error, constants));
    }
    const misfits = [
      ...[...holes].map((pointer) => ({ pointer, isMissing: false })),
      ...errors.map(misfitOf),
    ];
    return salvage(document, kind, misfits, (value) => this.#errorsOf(kind, value).map(misfitOf));
  }

  #errorsOf(kind: Kind, value: JsonValue): readonly ErrorObject[] {
    const known = this.#validators.get(kind);
    const validate = known ?? this.#ajv.compile(policySchemas[kind]);
    if (known === undefined) this.#validators.set(kind, validate);
    return validate(value) ? [] : (validate.errors ?? []).filter(isOwnMistake);
  }
}

function isInHole(pointer: string, holes: ReadonlySet<string>): boolean {
  for (const hole of holes) if (pointer === hole || pointer.startsWith(`${hole}/`)) return true;
  return false;
}

/** The kind of a document, or null after `problems` grew. */
export function kindOf(document: SourceDocument, problems: PolicyProblem[]): Kind | null {
  const { value } = document;
  const complain = (path: string, message: string, hint: string): null => {
    problems.push({ file: document.file, ...document.locate(path), path, message, hint });
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
  const hint = didYouMeanHint(kind, kinds) ?? `one of ${kinds.join(', ')}`;
  return complain('/kind', `unknown kind "${kind}"`, hint);
}
