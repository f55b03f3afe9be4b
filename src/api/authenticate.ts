/** Who calls: `Authorization: Bearer` with an API key `spk_<id>_<secret>`, or a token of the OIDC issuer. All of it is hostile. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { ApiKey, RecordStore } from '../audit/record.ts';
import type { Caller, Scope } from '../model/principal.ts';
import { Problem } from './problem.ts';
import type { StrangerLimit, StrangerLimits } from './stranger-limit.ts';
import { lookUpWindowMs } from './stranger-limit.ts';
import { traceOf } from './trace-requests.ts';

const bearerPattern = /^(?i:Bearer) +(spk_([a-z0-9]{4,32})_[A-Za-z0-9_-]{43})$/;
/** Three parts in base64url: JWS Compact Serialization (RFC 7515, 3.1). */
const tokenPattern = /^(?i:Bearer) +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/;
const noHash = Buffer.alloc(32);

/** A caller as its credential proves it. */
export type Identity = Pick<Caller, 'principal' | 'keyId' | 'scopes' | 'tokenExpiresAtMs'>;

export interface TokenVerifier {
  /** Who it is, or why it is nobody. Throws `identity_unavailable` while the issuer's keys cannot be had. */
  verify(token: string): Promise<Identity | string>;
}

export interface AuthenticateOptions {
  readonly record: Pick<RecordStore, 'getKey'>;
  readonly now: () => number;
  /** Null: keys only. */
  readonly tokens: TokenVerifier | null;
  /** One failed attempt from this address; recorded in aggregate. */
  readonly onFailure: (address: string) => void;
}

/** Puts the caller into `response.locals`, or ends the request with 401, and with 429 once `limitFailures` or `strangers` says so. */
export function authenticate(
  options: AuthenticateOptions,
  limitFailures: RequestHandler,
  strangers: StrangerLimit,
): RequestHandler {
  /** At its turn, for as long as the client waits for it. */
  const refuse = (response: Response, next: (problem: unknown) => void, problem: unknown): void => {
    const timer = setTimeout(() => next(problem), strangers.refusalDelayMs());
    response.once('close', () => clearTimeout(timer));
  };
  return async (request, response, next) => {
    const address = request.ip ?? 'unknown';
    const credential = request.get('authorization');
    if (!strangers.mayLookUp(address, credential ?? '')) {
      options.onFailure(address);
      const { failuresMax, windowMs } = strangers.limits;
      response.set('RateLimit', `"failures"; r=0; t=${lookUpWindowMs / 1000}`);
      response.set('RateLimit-Policy', `"failures"; q=${failuresMax}; w=${windowMs / 1000}`);
      return refuse(response, next, tooManyFailures(strangers.limits, lookUpWindowMs));
    }
    const found = await identify(options, credential).catch(problemOnly);
    if (typeof found === 'string' || found instanceof Problem) {
      if (typeof found === 'string') {
        options.onFailure(address);
        strangers.failed(address, credential ?? '');
      }
      const problem = typeof found === 'string' ? new Problem('unauthenticated', found) : found;
      return limitFailures(request, response, (limited?: unknown) =>
        limited === undefined && !strangers.isPaced(address)
          ? next(problem)
          : refuse(response, next, limited ?? problem),
      );
    }
    strangers.succeeded(credential ?? '');
    const caller: Caller = {
      ...found,
      address,
      requestId: requestIdOf(response),
      ...tracedBy(request, response),
    };
    response.locals['caller'] = caller;
    next();
  };
}

export function tooManyFailures(
  { failuresMax, windowMs }: Pick<StrangerLimits, 'failuresMax' | 'windowMs'>,
  retryAfterMs: number,
): Problem {
  const fields = { quota: 'failures', limit: failuresMax, windowMs, retryAfterMs };
  return new Problem('rate_limited', 'Too many requests without a valid key.', fields);
}

/** That nobody can be told apart now is limited as well: strangers could ask for it without end. */
function problemOnly(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}

/** Who it is, or why nobody. */
async function identify(
  options: AuthenticateOptions,
  header: string | undefined,
): Promise<Identity | string> {
  const token = tokenPattern.exec(header ?? '')?.[1];
  if (token !== undefined && options.tokens !== null) return options.tokens.verify(token);
  const key = await findKey(options, header);
  if (typeof key === 'string') return key;
  return {
    principal: { id: key.principal, tenant: key.tenant, roles: key.roles, attributes: key.attributes },
    keyId: key.id,
    scopes: new Set(key.scopes),
  };
}

/** The key, or why there is none. An unknown id costs the same comparison as a wrong secret. */
async function findKey(options: AuthenticateOptions, header: string | undefined): Promise<ApiKey | string> {
  if (header === undefined) return "Send an API key: add -H 'Authorization: Bearer spk_…'.";
  const match = bearerPattern.exec(header);
  if (match === null) return 'The Authorization header must be "Bearer spk_<id>_<secret>".';
  const key = await options.record.getKey(match[2] ?? '');
  const expected = key === null ? noHash : Buffer.from(key.secretHash, 'hex');
  const given = createHash('sha256')
    .update(match[1] ?? '')
    .digest();
  const isEqual = expected.length === given.length && timingSafeEqual(expected, given);
  if (key === null || !isEqual) return 'The API key is not valid.';
  return whyEnded(key, options.now()) ?? key;
}

function whyEnded(key: ApiKey, nowMs: number): string | null {
  if (key.revokedAtMs !== null) return 'The API key was revoked.';
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs) return 'The API key has expired.';
  return null;
}

/** Whether the caller's key would still open the door: an answer that takes long may outlive it. */
export async function isStillActive(
  { record, now }: Pick<AuthenticateOptions, 'record' | 'now'>,
  caller: Caller,
): Promise<boolean> {
  if (caller.tokenExpiresAtMs !== undefined) return now() < caller.tokenExpiresAtMs;
  const key = await record.getKey(caller.keyId);
  return key !== null && whyEnded(key, now()) === null;
}

function tracedBy(request: Request, response: Response): Pick<Caller, 'trace' | 'traceId'> {
  const trace = traceOf(request, response);
  return trace === null ? { traceId: null } : { traceId: trace.traceId, trace };
}

export function requestIdOf(response: Response): string {
  return String(response.locals['requestId']);
}

/** The caller that `authenticate` found. */
export function callerOf(response: Response): Caller {
  const caller = findCaller(response);
  if (caller === null) throw new TypeError('this route is not behind authenticate');
  return caller;
}

/** The caller, on a route that is open to everybody and reads a key where one came. */
export function findCaller(response: Response): Caller | null {
  return (response.locals['caller'] as Caller | undefined) ?? null;
}

export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.scopes.has(scope) || caller.scopes.has('admin');
}

/** Ends the request with 403 unless the key has the scope; `admin` has them all. */
export function requireScope(
  scope: Scope,
  onDenied: (caller: Caller, scope: Scope) => Promise<void>,
): RequestHandler {
  return async (_request, response, next) => {
    const caller = callerOf(response);
    if (hasScope(caller, scope)) return next();
    await onDenied(caller, scope);
    throw new Problem('insufficient_scope', `This needs a key with the scope "${scope}".`, { scope });
  };
}
