/**
 * The HTTP door. Hostile: every byte of every request. Limits at the door: header and body size, time for
 * headers and body, connections, requests a minute by address and by key.
 */
import type { Server } from 'node:http';
import express from 'express';
import type { ErrorRequestHandler, Express, NextFunction, Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { Store } from 'express-rate-limit';
import helmet from 'helmet';
import type { Caller, Scope } from '../model/principal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { authenticate, callerOf, requestIdOf, requireScope, tooManyFailures } from './authenticate.ts';
import type { AuthenticateOptions } from './authenticate.ts';
import { LargeBodies } from './large-bodies.ts';
import { limitConnections } from './limit-connections.ts';
import { limitPipelining } from './limit-pipelining.ts';
import { createRequestLog } from './log-requests.ts';
import type { RequestLog, RequestNotes } from './log-requests.ts';
import { Problem, sendProblem, withoutSecrets } from './problem.ts';
import type { ProblemCode } from './problem.ts';
import type { SharedRates } from './rates/shared-rates.ts';
import { bodyReader } from './read-body.ts';
import { isShed } from './route.ts';
import type { Route } from './route.ts';
import { rememberChallenge } from './routes/oauth-metadata.ts';
import { StrangerLimit } from './stranger-limit.ts';
import { traceRoute } from './trace-requests.ts';
import { Turns } from './turns.ts';

/** Not by import, which reads every export: behind those are the clients of fetch and HTTP/2, a tenth of a start. */
const { createServer } = process.getBuiltinModule('node:http');

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
const keepAliveTimeoutMs = 65_000;
const connectionsMax = 2048;
/** Half of them. */
const connectionsByAddressMax = 1024;
const unansweredByConnectionMax = 32;
/** Bodies above 64 KiB of one tenant whose requests have not begun. */
const largeBodiesByTenantMax = 16;
const headerBytesMax = 16 * 1024;
/** Flood guards of the door; what a principal may spend is policy's business. */
const requestsPerMinuteMaxByKey = 120_000;
const failuresPerMinuteMaxByAddress = 120;
const limitWindowMs = 60_000;
const strangerLimits = {
  windowMs: limitWindowMs,
  atOnceMax: 20,
  lookUpsPerSecond: 10,
  refusalMs: 50,
} as const;
const requestIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

export interface ServerOptions {
  readonly routes: readonly Route[];
  readonly authentication: AuthenticateOptions;
  readonly onScopeDenied: (caller: Caller, scope: Scope, route: string) => Promise<void>;
  readonly newRequestId: () => string;
  /** The text without secrets. Request ids that hold one are not taken: they go to the record, the log and the answer. */
  readonly redactText: (text: string) => string;
  /** Every answer then closes its connection: the client comes back to a process that serves. */
  readonly isDraining: () => boolean;
  /** Callers' requests are then turned away; operators', and what takes a call back, are not. */
  readonly isBehind: () => boolean;
  /** Counts rate limits together with other servers; null: alone. */
  readonly rates: Pick<SharedRates, 'store'> | null;
  readonly bodyBytesMax: number;
  readonly trustedProxies: readonly string[];
  /** What the doors know of requests, for the log. */
  readonly notes: RequestNotes;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing | null;
  /** Turns an error of the rooms below into the problem to answer with; null: it is our own fault, 500. */
  readonly problemOfError: (error: unknown) => Problem | null;
}

export function createHttpServer(options: ServerOptions): Server {
  const log = createRequestLog(options);
  const turns = new Turns();
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: headerBytesMax,
    },
    limitPipelining(unansweredByConnectionMax, createExpressApp(options, log, turns), () =>
      options.metrics.doorShed('pipelining'),
    ),
  );
  server.maxConnections = connectionsMax;
  limitConnections(server, {
    byAddressMax: connectionsByAddressMax,
    trustedProxies: options.trustedProxies,
    onRefused: () => options.metrics.doorShed('connections'),
  });
  server.on('connection', () => turns.arrived());
  server.on('close', () => log.close());
  return server;
}

function createExpressApp(options: ServerOptions, log: RequestLog, turns: Turns): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', options.trustedProxies.length === 0 ? false : [...options.trustedProxies]);
  app.use(identifyRequest(options), log.handler, helmet(), countRequests(options.metrics));
  const guards = createGuards(options, turns);
  for (const route of options.routes) {
    const remember: RequestHandler = (request, response, next) => {
      rememberChallenge(route, request, response);
      next();
    };
    const { tracing } = options;
    // What is open to everybody is asked all the time, and begins nothing.
    const traced = tracing === null || route.scope === null ? [] : [traceRoute(tracing, route)];
    app[route.method](route.path, remember, ...traced, ...guards(route), route.handler);
  }
  app.use(refuseUnknown(options.routes));
  app.use(answerErrors(options));
  return app;
}

function identifyRequest(options: ServerOptions): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const isUsable =
      given !== undefined && requestIdPattern.test(given) && options.redactText(given) === given;
    const requestId = isUsable ? given : options.newRequestId();
    response.locals['requestId'] = requestId;
    response.set('X-Request-Id', requestId);
    endWhileDraining(response, options.isDraining);
    next();
  };
}

/** An answer that leaves while the server drains is the last on its connection, also one to a request that came before. */
function endWhileDraining(response: Response, isDraining: () => boolean): void {
  const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => Response;
  response.writeHead = (...given: unknown[]) => {
    if (isDraining()) response.shouldKeepAlive = false;
    return writeHead(...given);
  };
}

function countRequests(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    response.on('finish', () => {
      const route = (request.route as { path?: string } | undefined)?.path ?? 'none';
      metrics.httpAnswered(
        request.method,
        route,
        response.statusCode,
        (performance.now() - startedAt) / 1000,
      );
    });
    next();
  };
}

/** In this order: key (failures limited by address), requests by key, scope, then the body, then the tenant's turn. */
function createGuards(options: ServerOptions, turns: Turns): (route: Route) => RequestHandler[] {
  const shared = {
    windowMs: limitWindowMs,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Anybody can send these headers; unless a proxy is trusted they are not looked at, and not complained about.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
  } as const;
  const strangers = new StrangerLimit({ failuresMax: failuresPerMinuteMaxByAddress, ...strangerLimits });
  const byAddress = rateLimit({
    ...shared,
    limit: failuresPerMinuteMaxByAddress,
    identifier: 'failures',
    ...storeOf(options, 'failures'),
    handler: (request, _response, next) => next(tooManyFailures(strangers.limits, untilReset(request))),
  });
  const byKey = rateLimit({
    ...shared,
    limit: requestsPerMinuteMaxByKey,
    identifier: 'requests',
    ...storeOf(options, 'requests'),
    keyGenerator: (_request, response) => callerOf(response).keyId,
    handler: (request, _response, next) =>
      next(
        new Problem('rate_limited', 'Too many requests with this key.', {
          quota: 'requests',
          limit: requestsPerMinuteMaxByKey,
          windowMs: shared.windowMs,
          retryAfterMs: untilReset(request),
        }),
      ),
  });
  const identify = authenticate(options.authentication, byAddress, strangers);
  const readBody = bodyReader(options.bodyBytesMax);
  const bodies = new LargeBodies(largeBodiesByTenantMax);
  const takeTurn = turnTaker(options, turns, bodies);
  const identifyIfGiven: RequestHandler = async (request, response, next) => {
    if (request.get('authorization') === undefined) return next();
    try {
      await identify(request, response, next);
    } catch (error) {
      // Who asks how the server is gets an answer without the details, also while no key can be looked up.
      if (options.problemOfError(error)?.code !== 'audit_unavailable') throw error;
      next();
    }
  };
  return (route) => {
    const { scope } = route;
    if (scope === null) return route.readsKey === true ? [identifyIfGiven] : [];
    const check = requireScope(scope, (caller, missing) =>
      options.onScopeDenied(caller, missing, `${route.method.toUpperCase()} ${route.path}`),
    );
    return [
      ...(isShed(route) ? [shedLoad(options)] : []),
      identify,
      byKey,
      check,
      ...(route.body === undefined ? [] : [bodies.admit, readBody]),
      takeTurn,
    ];
  };
}

/** Milliseconds until a limit gives again, as its middleware noted on the request; without such a note its whole window. */
function untilReset(request: Request): number {
  const { resetTime } = (request as Request & { rateLimit?: { resetTime?: Date } }).rateLimit ?? {};
  return resetTime === undefined ? limitWindowMs : Math.max(1, resetTime.getTime() - Date.now());
}

/** Before the key is looked up: each request that is begun makes all others later. */
function shedLoad({ isBehind, metrics }: ServerOptions): RequestHandler {
  return (_request, _response, next) => {
    if (!isBehind()) return next();
    metrics.doorShed('event_loop');
    next(
      new Problem('overloaded', 'The server has more to do than it can. Nothing was run; try again shortly.'),
    );
  };
}

function turnTaker({ metrics }: ServerOptions, turns: Turns, bodies: LargeBodies): RequestHandler {
  return (_request, response, next) => {
    const place = turns.take(callerOf(response).principal.tenant, () => {
      response.off('close', leave);
      bodies.done(response);
      next();
    });
    const leave = (): void => place?.[Symbol.dispose]();
    if (place === null) {
      metrics.doorShed('turns');
      throw new Problem(
        'overloaded',
        'Your tenant has too many requests waiting for their turn; try again shortly.',
      );
    }
    // Whoever goes away leaves no work behind.
    response.once('close', leave);
  };
}

/** In Redis where that is configured, else in this process. */
function storeOf({ rates }: ServerOptions, name: string): { store?: Store } {
  return rates === null ? {} : { store: rates.store(name) };
}

function refuseUnknown(routes: readonly Route[]): RequestHandler {
  const paths = routes.map((route) => ({
    method: route.method.toUpperCase(),
    pattern: new RegExp(
      `^${route.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+').replaceAll(/\*\w+/g, '.+')}$`,
    ),
  }));
  return (request, response, next) => {
    const allowed = paths.filter(({ pattern }) => pattern.test(request.path)).map(({ method }) => method);
    if (allowed.length === 0)
      return next(
        new Problem(
          'not_found',
          `There is no ${request.path.slice(0, 200)}; GET /openapi.json lists what there is, GET /docs shows it as a page.`,
        ),
      );
    response.set('Allow', allowed.join(', '));
    next(new Problem('method_not_allowed', `This path takes ${allowed.join(', ')}.`));
  };
}

/** The only place where errors become answers. What nobody foresaw says its request id and nothing else. */
function answerErrors(options: ServerOptions): ErrorRequestHandler {
  return (error: unknown, _request: Request, response: Response, next: NextFunction) => {
    const problem = error instanceof Problem ? error : (options.problemOfError(error) ?? httpProblem(error));
    const requestId = requestIdOf(response);
    if (problem.code === 'internal') options.logger.error({ err: error, requestId }, 'unforeseen error');
    response.locals['problem'] = problem.code;
    if (response.headersSent) {
      next(error);
      return;
    }
    sendProblem(response, withoutSecrets(problem, options.redactText), requestId);
  };
}

const undecodable = {
  pointer: 'path',
  message: 'is no percent-encoded UTF-8: behind each % are two hexadecimal digits of it',
};

/** Errors that express itself raises: it reads nothing of a request but its path. */
function httpProblem(error: unknown): Problem {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  const code: ProblemCode = status === 400 ? 'malformed_request' : 'internal';
  return code === 'internal'
    ? new Problem('internal', 'Something went wrong on our side; the request id finds it in the log.')
    : new Problem(code, `The ${undecodable.pointer} ${undecodable.message}.`, { errors: [undecodable] });
}
