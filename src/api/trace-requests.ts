/** Spans of requests, where tracing is on. */
import type { Request, RequestHandler, Response } from 'express';
import { readTraceparent } from '../model/trace.ts';
import type { TraceParent } from '../model/trace.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { Route } from './route.ts';

/** Under what a request stands: its own span, else what it brought, else nothing. */
export function traceOf(request: Request, response: Response): TraceParent | null {
  const own = response.locals['trace'] as TraceParent | undefined;
  return own ?? readTraceparent(request.get('traceparent') ?? '');
}

/** From before the key is looked at until the answer has left; the path itself may hold anything, and is left out. */
export function traceRoute(tracing: Tracing, { method, path }: Route): RequestHandler {
  const name = `${method.toUpperCase()} ${path}`;
  return (request, response, next) => {
    const given = readTraceparent(request.get('traceparent') ?? '');
    const span = tracing.open(name, {
      kind: 'server',
      parent: given,
      attributes: { 'http.request.method': method.toUpperCase(), 'http.route': path },
    });
    // What the request brought goes on to be told from what began here.
    response.locals['trace'] = { ...span.parent, isOwn: given === null } satisfies TraceParent;
    response.once('close', () => {
      const { statusCode } = response;
      span.end(
        {
          'http.response.status_code': statusCode,
          'sallyport.request_id': String(response.locals['requestId']),
        },
        statusCode >= 500 ? String(statusCode) : undefined,
      );
    });
    next();
  };
}
