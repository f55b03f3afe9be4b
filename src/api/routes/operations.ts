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
    operationId: 'getHealth',
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
 * `GET /ready`: each dependency with its state and since when; 503 only when nothing can be served. What exactly, and what
 * protects calls, is for keys with the scope audit, policy or admin: that holds paths and addresses.
 */
export function readyRoute(readiness: () => Promise<Readiness>): Route {
  return {
    method: 'get',
    path: '/ready',
    scope: null,
    readsKey: true,
    operationId: 'getReadiness',
    summary: 'Whether calls can be served',
    success: {
      status: 200,
      schema: 'Readiness',
      description:
        '`status` is ok or degraded; 503 with the same body when down. Details, and the reason in full, only with a key of scope audit, policy or admin.',
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

/** Of what is not well, in words without a path, an address or a name. */
const knownToAll: Readonly<Record<string, string>> = {
  record: 'the record cannot be written or read as it should be',
  disk: 'less is free than the reserve for outcomes',
  runner: 'it is not connected',
  isolate: 'calls in isolates cannot run, or without a protection that policy demands',
  container: 'calls in containers cannot run, or not all of them',
  policy: 'what decides is not what the policy files say: they were rejected, or a revision is pinned',
  quotas: 'quotas are not counted where they should be',
  'rate-limits': 'rate limits are not counted where they should be',
  clock: 'it differs from the other clocks',
  blocks: 'an operator has blocked calls',
  workers: 'not all of them serve',
  server: 'it is shutting down',
};

function outline({ status, dependencies }: Readiness): object {
  return {
    status,
    dependencies: dependencies.map(({ name, state, since }) => ({
      name,
      state,
      reason: state === 'ok' ? null : (knownToAll[name] ?? 'something that it needs is missing'),
      since,
    })),
  };
}

/** `GET /metrics`: Prometheus text. */
export function metricsRoute(source: MetricsText): Route {
  return {
    method: 'get',
    path: '/metrics',
    scope: null,
    operationId: 'getMetrics',
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
    operationId: 'getOpenApi',
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
