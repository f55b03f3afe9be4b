import { findCaller, hasScope } from '../authenticate.ts';
import type { Readiness } from '../readiness-watch.ts';
import type { Route } from '../route.ts';
import type { MetricsText } from '../serve-metrics.ts';

/** `GET /health`: the process answers. Says nothing about what it depends on. */
export function healthRoute(): Route {
  return {
    method: 'get',
    path: '/health',
    scope: null,
    summary: 'Whether the process is alive',
    success: { status: 200, schema: 'Health', description: '{status: "ok"}' },
    problems: [],
    audits: [],
    handler: (_request, response) => {
      response.json({ status: 'ok' });
    },
  };
}

/** Who may know where things lie and why they fail. */
const operatorScopes = ['admin', 'audit', 'policy'] as const;

/**
 * `GET /ready`: each dependency with its state and since when; 503 only when nothing can be served. Why, and what is
 * known of it, is for keys with the scope audit, policy or admin: reasons hold paths and addresses.
 */
export function readyRoute(readiness: () => Promise<Readiness>): Route {
  return {
    method: 'get',
    path: '/ready',
    scope: null,
    readsKey: true,
    summary: 'Whether calls can be served',
    success: {
      status: 200,
      schema: 'Readiness',
      description:
        '`status` is ok or degraded; 503 with the same body when down. Reasons and details only with a key of scope audit, policy or admin.',
    },
    otherAnswers: { 503: 'Nothing can be served now; says why.' },
    problems: ['unauthenticated', 'rate_limited'],
    audits: [],
    async handler(_request, response) {
      const caller = findCaller(response);
      const full = await readiness();
      const isOperator = caller !== null && operatorScopes.some((scope) => hasScope(caller, scope));
      response
        .status(full.status === 'down' ? 503 : 200)
        .set('Cache-Control', 'no-store')
        .json(isOperator ? full : outline(full));
    },
  };
}

function outline({ status, dependencies }: Readiness): object {
  return { status, dependencies: dependencies.map(({ name, state, since }) => ({ name, state, since })) };
}

/** `GET /metrics`: Prometheus text. */
export function metricsRoute(source: MetricsText): Route {
  return {
    method: 'get',
    path: '/metrics',
    scope: null,
    summary: 'Metrics for Prometheus',
    success: { status: 200, description: 'Text exposition format.', mediaType: 'text/plain' },
    problems: [],
    audits: [],
    async handler(_request, response) {
      response.set('Content-Type', source.contentType).send(await source.metrics());
    },
  };
}

/** `GET /openapi.json`: this API, from the schemas that validate. Anybody may ask: it is written once. */
export function openApiRoute(document: () => object): Route {
  let text: Buffer | null = null;
  return {
    method: 'get',
    path: '/openapi.json',
    scope: null,
    summary: 'This document',
    success: { status: 200, schema: 'OpenApiDocument', description: 'OpenAPI 3.1.' },
    problems: [],
    audits: [],
    handler: (_request, response) => {
      text ??= Buffer.from(JSON.stringify(document()));
      response.set('Content-Type', 'application/json; charset=utf-8').send(text);
    },
  };
}
