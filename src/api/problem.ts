/**
 * Errors of the HTTP door: RFC 9457 `application/problem+json`. A 4xx or 5xx means that this request ran
 * nothing. Who reads which status: 400, 413, 415 and 422 the developer (change the request); 401 and 403 the
 * developer or ops (key, scope, policy); 404 and 410 the developer; 409 and 429 the program (wait, then retry);
 * 503 the program (retry after `Retry-After`) and ops; 500 ops, with the request id.
 */
import type { Response } from 'express';
import type { Refusal } from '../calls/refusal.ts';
import { refusalFields } from '../calls/refusal.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

export const problemKinds = {
  malformed_request: { status: 400, title: 'The request is malformed', retryable: false },
  unauthenticated: { status: 401, title: 'A valid API key is needed', retryable: false },
  insufficient_scope: { status: 403, title: 'The key lacks a scope', retryable: false },
  policy_denied: { status: 403, title: 'Policy denies this call', retryable: false },
  approval_forbidden: { status: 403, title: 'You may not decide this approval', retryable: false },
  content_withheld: { status: 403, title: 'The boundary withholds this file', retryable: false },
  not_found: { status: 404, title: 'There is nothing here', retryable: false },
  unknown_tool: { status: 404, title: 'There is no such tool', retryable: false },
  method_not_allowed: { status: 405, title: 'The method does not fit', retryable: false },
  conflict: { status: 409, title: 'This conflicts with what exists', retryable: false },
  erasure_refused: { status: 409, title: 'The rules forbid this erasure', retryable: false },
  approval_settled: { status: 409, title: 'The approval is no longer open', retryable: false },
  idempotency_in_flight: {
    status: 409,
    title: 'The first request with this key still runs',
    retryable: true,
  },
  session_busy: { status: 409, title: 'The session serves another request', retryable: true },
  session_image_mismatch: { status: 409, title: 'The tool does not run in this session', retryable: false },
  file_conflict: { status: 409, title: 'Something is in the way of this file', retryable: false },
  session_ended: { status: 410, title: 'The session is over', retryable: false },
  idempotency_erased: {
    status: 410,
    title: 'What this idempotency key was used for is erased',
    retryable: false,
  },
  payload_too_large: { status: 413, title: 'The body is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body must be JSON', retryable: false },
  invalid_arguments: { status: 422, title: 'The arguments do not fit the tool', retryable: false },
  arguments_blocked: { status: 422, title: 'The boundary blocks these arguments', retryable: false },
  limit_exceeds_policy: { status: 422, title: 'A limit is above what policy gives', retryable: false },
  policy_invalid: { status: 422, title: 'The policy has mistakes', retryable: false },
  idempotency_mismatch: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    retryable: false,
  },
  rate_limited: { status: 429, title: 'Too many requests', retryable: true },
  quota_exceeded: { status: 429, title: 'A quota is used up', retryable: true },
  internal: { status: 500, title: 'Something went wrong on our side', retryable: true },
  runtime_unavailable: { status: 503, title: 'The runtime is not available', retryable: true },
  audit_unavailable: { status: 503, title: 'The record cannot be written', retryable: true },
  identity_unavailable: { status: 503, title: 'Tokens cannot be checked', retryable: true },
  quota_unavailable: { status: 503, title: 'A quota cannot be counted', retryable: true },
  overloaded: { status: 503, title: 'There is no room for this call now', retryable: true },
  draining: { status: 503, title: 'The server is shutting down', retryable: true },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problemKinds;

/** Seconds after which a client may try again when nothing more exact is known. */
const retryAfterSecondsDefault = 1;

/** A request that ends here. Thrown inside routes and middleware, answered by the error handler alone. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly fields: Readonly<Record<string, unknown>>;
  constructor(
    code: ProblemCode,
    detail: string,
    fields: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.code = code;
    this.fields = fields;
  }
}

/** Left out where there is nothing to say; `policy` and `rule` are null for a default deny. */
const optionalFields = new Set(['nearest', 'didYouMean']);

export function problemOf(refusal: Refusal, callId: string | null): Problem {
  const isHopeless = refusal.code === 'quota_exceeded' && refusal.amount > refusal.limit;
  const fields = Object.entries(refusalFields(refusal)).filter(
    ([name, value]) =>
      (value !== null || !optionalFields.has(name)) && !(isHopeless && name === 'retryAfterMs'),
  );
  return new Problem(refusal.code, refusal.detail, {
    ...Object.fromEntries(fields),
    // More than the quota gives at all: the same request is refused at any time.
    ...(isHopeless ? { retryable: false } : {}),
    ...(callId === null ? {} : { callId }),
  });
}

/**
 * The same without secrets in what it quotes of the request: whoever reads an answer, a model above all, may not be who
 * wrote the request. What policy says stays as it is.
 */
export function withoutSecrets(problem: Problem, redactText: (text: string) => string): Problem {
  if (problem.code === 'policy_denied') return problem;
  const errors = problem.fields['errors'];
  const clean = (value: unknown): unknown => (typeof value === 'string' ? redactText(value) : value);
  const cleaned = Array.isArray(errors)
    ? {
        errors: errors.map((error: object) =>
          Object.fromEntries(Object.entries(error).map(([name, value]) => [name, clean(value)])),
        ),
      }
    : {};
  const { message, code, fields, cause } = problem;
  return new Problem(code, redactText(message), { ...fields, ...cleaned }, { cause });
}

/** RFC 9457. */
export function problemDocument(problem: Problem, requestId: string): Readonly<Record<string, unknown>> {
  const { retryable, status, title } = problemKinds[problem.code];
  return {
    type: `urn:sallyport:problem:${problem.code.replaceAll('_', '-')}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    requestId,
    retryable,
    ...problem.fields,
  };
}

/** In place of the limit of the key, of which there may be plenty left. draft-ietf-httpapi-ratelimit-headers-08. */
function tellQuota(response: Response, fields: Problem['fields']): void {
  const { limit, quota, retryAfterMs, windowMs } = fields;
  const name = JSON.stringify(quota);
  response.removeHeader('RateLimit');
  response.removeHeader('RateLimit-Policy');
  if (typeof retryAfterMs !== 'number' || typeof windowMs !== 'number' || windowMs === 0) return;
  const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
  response.set('RateLimit', `${name}; r=0; t=${seconds(retryAfterMs)}`);
  response.set('RateLimit-Policy', `${name}; q=${String(limit)}; w=${seconds(windowMs)}`);
}

export function sendProblem(response: Response, problem: Problem, requestId: string): void {
  const kind = problemKinds[problem.code];
  const { retryAfterMs } = problem.fields;
  if (typeof retryAfterMs === 'number')
    response.set('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  else if (kind.status === 503) response.set('Retry-After', String(retryAfterSecondsDefault));
  if (problem.code === 'quota_exceeded') tellQuota(response, problem.fields);
  const challenge = challengeOf(problem, response.locals['challenge']);
  if (challenge !== null) response.set('WWW-Authenticate', challenge);
  if (problem.code === 'idempotency_in_flight' && typeof problem.fields['callId'] === 'string') {
    response.set('Location', `/v1/calls/${problem.fields['callId']}`);
  }
  response
    .status(kind.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemDocument(problem, requestId)));
}

/** RFC 6750 §3: how to get in, and which scope was missing. `more` is what the route adds. */
function challengeOf({ code, fields }: Problem, more: unknown): string | null {
  const parts = ['realm="sallyport"'];
  const { scope } = fields;
  if (code === 'insufficient_scope') parts.push('error="insufficient_scope"');
  else if (code !== 'unauthenticated') return null;
  if (typeof scope === 'string') parts.push(`scope="${scope}"`);
  if (typeof more === 'string') parts.push(more);
  return `Bearer ${parts.join(', ')}`;
}
