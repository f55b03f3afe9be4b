/**
 * One log line a request: which, by whom, what became of it, how long it took. Nothing in it is the caller's own words:
 * of the URL the literal parts of known paths and well-formed ids, no query, no header but a checked request id.
 */
import type { Request, RequestHandler, Response } from 'express';
import { LineBudget } from '../telemetry/line-budget.ts';
import { linesLeftOut, requestMessage } from '../telemetry/logger.ts';
import type { Logger } from '../telemetry/logger.ts';
import { findCaller, requestIdOf } from './authenticate.ts';
import { traceOf } from './trace-requests.ts';
import type { Caller } from '../model/principal.ts';
import type { Route } from './route.ts';

/** What is known of a request and its line should say. */
export interface RequestNote {
  readonly tool?: string;
  readonly callId?: string;
  /** Status of the call, or code of the problem. */
  readonly outcome?: string;
}

/** By principal, of whom each request has an object of its own: whichever door a call comes in by. */
export class RequestNotes {
  readonly #notes = new WeakMap<Caller['principal'], RequestNote>();

  of({ principal }: Caller): RequestNote {
    return this.#notes.get(principal) ?? {};
  }

  add(caller: Caller, note: RequestNote): void {
    this.#notes.set(caller.principal, { ...this.of(caller), ...note });
  }
}

/** Lines of requests without a caller, in all: anybody can make those. */
const anonymousLinesMax = 200;
const anonymousWindowMs = 10_000;
/** Asked for every few seconds by those who watch, and of no interest. */
const unlogged: ReadonlySet<string> = new Set(['/health', '/ready', '/metrics']);

export interface RequestLog {
  readonly handler: RequestHandler;
  /** Tells of the lines that were left out: nothing comes any more. */
  close(): void;
}

export function createRequestLog(options: {
  readonly logger: Logger;
  readonly notes: RequestNotes;
  readonly routes: readonly Pick<Route, 'path'>[];
}): RequestLog {
  const { logger, notes, routes } = options;
  const shown = pathShower(routes);
  const budget = new LineBudget({
    linesMax: anonymousLinesMax,
    windowMs: anonymousWindowMs,
    onLeftOut: (kind, count) => logger.warn({ of: kind, count }, linesLeftOut),
  });
  const tell = (request: Request, response: Response, startedAt: number): void => {
    const { statusCode } = response;
    const caller = findCaller(response);
    const isFaulty = statusCode === 500;
    if (caller === null && !isFaulty && !budget.take('request without a caller')) return;
    const level = isFaulty ? 'error' : statusCode > 500 ? 'warn' : 'info';
    const traceId = traceOf(request, response)?.traceId ?? null;
    logger[level](
      {
        requestId: requestIdOf(response),
        ...(traceId !== null && { traceId }),
        ...(caller !== null && { principal: caller.principal.id, key: caller.keyId }),
        ...outcomeOf(response, caller === null ? {} : notes.of(caller)),
        req: { method: request.method, path: shown(request.path), address: request.ip },
        res: { status: statusCode },
        latencyMs: Math.round((performance.now() - startedAt) * 1000) / 1000,
      },
      requestMessage,
    );
  };
  const handler: RequestHandler = (request, response, next) => {
    const startedAt = performance.now();
    if (!unlogged.has(request.path)) response.on('close', () => tell(request, response, startedAt));
    next();
  };
  return { handler, close: () => budget.settle() };
}

/** `aborted`: the client went away before its answer had left. */
function outcomeOf(response: Response, note: RequestNote): RequestNote {
  const problem: unknown = response.locals['problem'];
  if (!response.writableFinished) return { ...note, outcome: 'aborted' };
  if (typeof problem === 'string') return { ...note, outcome: problem };
  return { outcome: response.statusCode < 400 ? 'ok' : 'refused', ...note };
}

const idPattern = /^(?:apr|art|blk|call|evt|file|req|run|ses)_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const segmentsMax = 12;

function pathShower(routes: readonly Pick<Route, 'path'>[]): (path: string) => string {
  const literals = new Set(routes.flatMap(({ path }) => path.split('/')));
  const show = (segment: string): string =>
    literals.has(segment) || idPattern.test(segment) ? segment : segment === '' ? '' : '…';
  return (path) => path.split('/', segmentsMax).map(show).join('/');
}
