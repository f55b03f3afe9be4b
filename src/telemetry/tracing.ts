/**
 * Traces, exported over OTLP as `OTEL_*` says (OpenTelemetry specification, SDK environment variables): to where an
 * operator points it, and nowhere by default. Spans hold names, ids, codes and times; nothing that a caller or a tool wrote.
 */
import type * as Api from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { TraceParent } from '../model/trace.ts';
import { batchOf, isTracingWanted, samplerOf } from './otel-environment.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface NewSpan {
  readonly kind: 'server' | 'internal';
  /** Under which it stands; null: it begins a trace. */
  readonly parent: Omit<TraceParent, 'isOwn'> | null;
  readonly attributes: SpanAttributes;
}

export interface OpenSpan {
  /** What stands under it names this. */
  readonly parent: TraceParent;
  /** `failed`: what is wrong, as one word. Once. */
  end(attributes: SpanAttributes, failed?: string): void;
}

export interface Tracing extends AsyncDisposable {
  open(name: string, span: NewSpan): OpenSpan;
}

export interface TracingOptions {
  readonly version: string;
  /** Spans did not arrive. */
  readonly onFailed: (error: Error) => void;
}

/** How long the last spans may take at the end, milliseconds. */
const flushMsMax = 5_000;

/** Null where no endpoint is set, or tracing is switched off; nothing of it is loaded then. Throws `TracingInvalid`. */
export async function openTracing(
  environment: NodeJS.ProcessEnv,
  { onFailed, version }: TracingOptions,
): Promise<Tracing | null> {
  if (!isTracingWanted(environment)) return null;
  const [api, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  const named = resources.resourceFromAttributes({ 'service.name': 'sallyport', 'service.version': version });
  const provider = new sdk.TracerProvider({
    resource: named.merge(resources.detectResources({ detectors: [resources.envDetector] })),
    sampler: samplerOf(sdk, environment),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: watched(new OTLPTraceExporter(), onFailed),
        ...batchOf(environment),
      }),
    ],
  });
  const tracer = provider.getTracer('sallyport', version);
  return {
    open(name, { attributes, kind, parent }) {
      const context =
        parent === null
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, {
              traceId: parent.traceId,
              spanId: parent.spanId,
              traceFlags: parent.isSampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
              isRemote: true,
            });
      const spanKind = kind === 'server' ? api.SpanKind.SERVER : api.SpanKind.INTERNAL;
      const span = tracer.startSpan(name, { kind: spanKind, attributes: { ...attributes } }, context);
      return opened(api, span);
    },
    async [Symbol.asyncDispose]() {
      const { promise: waited, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, flushMsMax);
      await Promise.race([provider.shutdown().catch(onFailed), waited]);
      clearTimeout(timer);
    },
  };
}

function opened({ SpanStatusCode, TraceFlags }: typeof Api, span: Api.Span): OpenSpan {
  const { spanId, traceFlags, traceId } = span.spanContext();
  return {
    parent: { traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0, isOwn: true },
    end(attributes, failed) {
      span.setAttributes({ ...attributes, ...(failed === undefined ? {} : { 'error.type': failed }) });
      if (failed !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** The exporter says nothing of what it could not deliver but to whom it was asked by. */
function watched(exporter: SpanExporter, onFailed: (error: Error) => void): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined) onFailed(result.error);
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
