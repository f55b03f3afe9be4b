/** The body of a request: bytes under a cap → JSON under caps → checked against its schema. Hostile throughout. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import express from 'express';
import type { Request, RequestHandler, Response } from 'express';
import { parseBoundedJson, requestJsonCaps } from '../calls/bounded-json.ts';
import type { InputError } from '../calls/refusal.ts';
import { nearestName } from './nearest-name.ts';
import { Problem } from './problem.ts';
import { requestSchemas } from './schemas.ts';
import type { RequestSchemaName } from './schemas.ts';

const errorsShownMax = 50;

/** Collects the raw bytes; anything over the cap is answered 413 before it is read to the end. */
export function bodyReader(bodyBytesMax: number): RequestHandler {
  const reader = express.raw({ type: () => true, limit: bodyBytesMax, inflate: false });
  return (request, response, next) => {
    reader(request, response, (error?: unknown) =>
      next(error === undefined ? undefined : bodyProblem(error, bodyBytesMax)),
    );
  };
}

/** The body as it comes, for routes that first look whether they want it. Throws the `Problem` to answer with. */
export function readRawBody(request: Request, response: Response, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    bodyReader(bytesMax)(request, response, (problem?: unknown) => {
      const body: unknown = request.body;
      if (problem === undefined) resolve(Buffer.isBuffer(body) ? body : new Uint8Array());
      else reject(problem instanceof Error ? problem : new Error('no body', { cause: problem }));
    });
  });
}

function bodyProblem(error: unknown, limitBytes: number): Problem {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large') {
    return new Problem('payload_too_large', `The body may have at most ${limitBytes} bytes.`, { limitBytes });
  }
  if (type === 'encoding.unsupported') {
    return new Problem('unsupported_media_type', 'Send the body without Content-Encoding.');
  }
  return new Problem(
    'malformed_request',
    'The body could not be read to its end.',
    { errors: [] },
    { cause: error },
  );
}

export interface BodyParser {
  /** Throws the `Problem` to answer with: 415, or 400 with every error. */
  parse(request: Request, schema: RequestSchemaName): unknown;
}

export function createBodyParser(): BodyParser {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    verbose: true,
    // Our own constants; a test holds them to the meta-schema, which takes long to compile.
    validateSchema: false,
    code: { optimize: false },
  });
  const validators = new Map<RequestSchemaName, ValidateFunction>();
  /** Compiled when first asked for: a start waits for none of them. */
  const validatorFor = (name: RequestSchemaName): ValidateFunction => {
    const known = validators.get(name);
    const validate = known ?? ajv.compile(requestSchemas[name]);
    if (known === undefined) validators.set(name, validate);
    return validate;
  };
  return {
    parse(request, schema) {
      if (!/^application\/(?:[\w.+-]{1,64}\+)?json\s*(?:;|$)/i.test(request.get('content-type') ?? '')) {
        throw new Problem(
          'unsupported_media_type',
          "The body must be JSON and say so: add -H 'Content-Type: application/json'.",
        );
      }
      const bytes: unknown = request.body;
      const parsed = parseBoundedJson(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0), requestJsonCaps);
      if (!parsed.ok) throw malformed([{ pointer: '', message: `The body ${parsed.message}` }]);
      const validate = validatorFor(schema);
      if (!validate(parsed.value))
        throw malformed((validate.errors ?? []).slice(0, errorsShownMax).map(inputError));
      return parsed.value;
    },
  };
}

function malformed(errors: readonly InputError[]): Problem {
  // A field that is missing under its right name and there under a wrong one: the wrong one says more.
  const first = errors.find(({ didYouMean }) => didYouMean !== undefined) ?? errors[0];
  const hint = first?.didYouMean === undefined ? '' : `; did you mean ${first.didYouMean}?`;
  const where = first?.pointer ? `${first.pointer}: ` : '';
  return new Problem('malformed_request', `${where}${first?.message ?? 'The body is malformed.'}${hint}`, {
    errors,
  });
}

function inputError(error: ErrorObject): InputError {
  if (error.keyword !== 'additionalProperties') {
    const allowed: unknown = error.params['allowedValues'];
    const choices = Array.isArray(allowed) ? `: ${allowed.join(', ')}` : '';
    return {
      pointer: error.instancePath,
      keyword: error.keyword,
      message: `${error.message ?? 'does not fit'}${choices}`,
    };
  }
  const unknown = String(error.params['additionalProperty']);
  const pointer = `${error.instancePath}/${unknown.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
  const nearest = nearestName(unknown, known);
  return {
    pointer,
    keyword: error.keyword,
    message: 'is not a field of this request',
    ...(nearest === null ? {} : { didYouMean: `${error.instancePath}/${nearest}` }),
  };
}
