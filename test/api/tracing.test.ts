/** Spans of a real server, taken by a real collector over OTLP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refundDirectory } from '../support/refund-policy.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { startSpanCollector } from '../support/span-collector.ts';
import type { SpanCollector } from '../support/span-collector.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const given = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const traceparent = `00-${given.traceId}-${given.spanId}-01`;

describe('with an endpoint', () => {
  let collector: SpanCollector;
  let server: TestServer;
  beforeAll(async () => {
    collector = await startSpanCollector();
    server = await startServer({
      environment: {
        ...noEngine,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-team=payments',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_BSP_SCHEDULE_DELAY: '50',
      },
    });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  test('a call is a span under its request, under what the request brought, and the record has its trace', async () => {
    const { body } = await server.request('POST', '/v1/calls', {
      headers: { traceparent, 'X-Request-Id': 'traced' },
      body: { tool: 'js_run', args: { code: 'return "not in a span"' } },
    });
    const call = await collector.span(({ attributes }) => attributes['gen_ai.tool.call.id'] === body.id);
    const request = await collector.span(({ spanId }) => spanId === call.parentSpanId);
    expect(request).toMatchObject({
      traceId: given.traceId,
      parentSpanId: given.spanId,
      name: 'POST /v1/calls',
      status: 0,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/calls',
        'http.response.status_code': 200,
        'sallyport.request_id': 'traced',
      },
      resource: { 'service.name': 'sallyport', 'deployment.environment.name': 'test' },
    });
    expect(call).toMatchObject({
      traceId: given.traceId,
      name: 'execute_tool js_run',
      status: 0,
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'js_run',
        'sallyport.status': 'succeeded',
        'sallyport.effect': 'allow',
        'sallyport.rule': 'developers/all-tools',
        'sallyport.revision': body.decision.revision,
        'sallyport.boundary': 'clean',
        'sallyport.runtime': 'isolate',
      },
    });
    expect(Object.keys(call.attributes)).toContain('sallyport.wall_ms');
    const { events } = (await server.request('GET', `/v1/audit/calls/${body.id}`)).body;
    expect(events[0].traceId).toBe(given.traceId);
    expect(collector.headers[0]).toMatchObject({ 'x-team': 'payments' });
  });

  test('a request that brings none begins a trace, which is that of its events', async () => {
    const { body } = await server.call('js_run', { code: 'return 1' });
    const call = await collector.span(({ attributes }) => attributes['gen_ai.tool.call.id'] === body.id);
    const request = await collector.span(({ spanId }) => spanId === call.parentSpanId);
    expect(request.parentSpanId).toBe('');
    const { events } = (await server.request('GET', `/v1/audit/calls/${body.id}`)).body;
    expect(events[0].traceId).toBe(call.traceId);
  });

  test('what is refused or fails says so, without a word of the request', async () => {
    await server.request('POST', '/v1/calls', {
      headers: { 'X-Request-Id': 'refused' },
      body: { tool: 'no_such_secret_tool', args: {} },
    });
    const request = await collector.span(
      ({ attributes }) => attributes['sallyport.request_id'] === 'refused',
    );
    const refused = await collector.span(({ parentSpanId }) => parentSpanId === request.spanId);
    expect(request).toMatchObject({ status: 0, attributes: { 'http.response.status_code': 404 } });
    expect(refused).toMatchObject({
      name: 'execute_tool',
      status: 2,
      attributes: { 'error.type': 'unknown_tool' },
    });
    await server.call('js_run', { code: 'throw new Error("secret words")' });
    const failed = await collector.span(({ attributes }) => attributes['error.type'] === 'failed');
    expect(failed).toMatchObject({ name: 'execute_tool js_run', status: 2 });
    const text = JSON.stringify(collector.spans);
    for (const word of ['no_such_secret_tool', 'secret words', 'not in a span', server.key])
      expect(text).not.toContain(word);
  });

  test('over MCP, `_meta.traceparent` is what a call stands under', async () => {
    await server.request('POST', '/mcp', {
      headers: { Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2025-11-25' },
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'js_run',
          arguments: { code: 'return 1' },
          _meta: { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` },
        },
      },
    });
    expect(await collector.span(({ traceId }) => traceId === 'c'.repeat(32))).toMatchObject({
      name: 'execute_tool js_run',
      parentSpanId: 'd'.repeat(16),
    });
  });

  test('what is open to everybody makes no span', () => {
    expect(collector.spans.filter(({ name }) => /health|ready|metrics|openapi/.test(name))).toEqual([]);
  });
});

test('a call that a person approved is a span under the request that approved it', async () => {
  await using collector = await startSpanCollector();
  await using server = await startServer({
    policyDir: refundDirectory(),
    environment: { ...noEngine, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' },
  });
  const lead = await server.keyFor('mia', ['lead'], ['approve']);
  const key = await server.keyFor('ana', [], ['call']);
  const asked = await server.request('POST', '/v1/calls', {
    key,
    body: { tool: 'refund', args: { cents: 5000 } },
  });
  await server.request('POST', `/v1/approvals/${asked.body.approval.id}`, {
    key: lead,
    headers: { traceparent },
    body: { decision: 'approve', reason: 'agreed' },
  });
  const ran = await collector.span(({ attributes }) => attributes['sallyport.status'] === 'succeeded');
  expect(ran).toMatchObject({
    name: 'execute_tool refund',
    traceId: given.traceId,
    attributes: { 'gen_ai.tool.call.id': asked.body.id, 'sallyport.effect': 'require_approval' },
  });
  const request = await collector.span(({ spanId }) => spanId === ran.parentSpanId);
  expect(request.name).toBe('POST /v1/approvals/:id');
});

test('what a request says is not sampled is not, and the last spans leave before the server stops', async () => {
  await using collector = await startSpanCollector();
  const server = await startServer({
    environment: { ...noEngine, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` },
  });
  await server.request('POST', '/v1/calls', {
    headers: { traceparent: traceparent.replace(/01$/, '00') },
    body: { tool: 'js_run', args: { code: 'return 1' } },
  });
  await server.request('GET', '/v1/tools');
  await server.stop('SIGTERM');
  const names = collector.spans.map(({ name }) => name);
  expect(names).toContain('GET /v1/tools');
  expect(names).not.toContain('POST /v1/calls');
});

test('a collector that refuses costs a line in the log, and nothing else', async () => {
  await using collector = await startSpanCollector(400);
  await using server = await startServer({
    environment: { ...noEngine, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' },
  });
  expect((await server.call('js_run', { code: 'return 1' })).body.status).toBe('succeeded');
  const line = await server.logged(({ msg }) => msg === 'spans were not delivered');
  expect(line.level).toBe('warn');
});

test.each([
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    'http/protobuf',
  ],
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER must be otlp or none'],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER: 'some' },
    'OTEL_TRACES_SAMPLER must be',
  ],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
    'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1',
  ],
  [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_MAX_QUEUE_SIZE: 'many' }, 'OTEL_BSP_MAX_QUEUE_SIZE must be'],
])('what cannot be followed is refused: %o', async (environment, message) => {
  const { openTracing } = await import('../../src/telemetry/tracing.ts');
  await expect(openTracing(environment, { version: '0', onFailed: () => {} })).rejects.toThrow(message);
});

test.each([
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_EXPORTER: 'none' },
])('nothing is traced unasked, or where it is switched off: %o', async (environment) => {
  const { openTracing } = await import('../../src/telemetry/tracing.ts');
  expect(await openTracing(environment, { version: '0', onFailed: () => {} })).toBeNull();
});
