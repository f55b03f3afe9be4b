import type { Registry } from 'prom-client';
import type { Readiness } from '../readiness.ts';
import type { Route } from '../route.ts';

/** `GET /health`: the process answers. Says nothing about what it depends on. */
export function healthRoute(): Route {
  return {
    method: 'get',
    path: '/health',
    scope: null,
    summary: 'Whether the process is alive',
    success: { status: 200, description: '{status: "ok"}' },
    problems: [],
    audits: [],
    handler: (_request, response) => {
      response.json({ status: 'ok' });
    },
  };
}

/** `GET /ready`: each dependency with its state; 503 only when nothing can be served. */
export function readyRoute(readiness: () => Promise<Readiness>): Route {
  return {
    method: 'get',
    path: '/ready',
    scope: null,
    summary: 'Whether calls can be served',
    success: { status: 200, description: '`status` is ok or degraded; 503 with the same body when down.' },
    problems: [],
    audits: [],
    async handler(_request, response) {
      const state = await readiness();
      response
        .status(state.status === 'down' ? 503 : 200)
        .set('Cache-Control', 'no-store')
        .json(state);
    },
  };
}

/** `GET /metrics`: Prometheus text. */
export function metricsRoute(registry: Registry): Route {
  return {
    method: 'get',
    path: '/metrics',
    scope: null,
    summary: 'Metrics for Prometheus',
    success: { status: 200, description: 'Text exposition format.', mediaType: 'text/plain' },
    problems: [],
    audits: [],
    async handler(_request, response) {
      response.set('Content-Type', registry.contentType).send(await registry.metrics());
    },
  };
}

/** `GET /openapi.json`: this API, from the schemas that validate. */
export function openApiRoute(document: () => object): Route {
  return {
    method: 'get',
    path: '/openapi.json',
    scope: null,
    summary: 'This document',
    success: { status: 200, description: 'OpenAPI 3.1.' },
    problems: [],
    audits: [],
    handler: (_request, response) => {
      response.json(document());
    },
  };
}
