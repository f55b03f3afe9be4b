/** What `OTEL_` variables say that the packages do not read themselves (OpenTelemetry specification, SDK configuration). */
import type * as Sdk from '@opentelemetry/sdk-trace';

/** An `OTEL_` variable that cannot be followed. The message says what can. */
export class TracingInvalid extends Error {
  override readonly name = 'TracingInvalid';
}

/** Whether an operator points traces anywhere. Throws `TracingInvalid`. */
export function isTracingWanted(environment: NodeJS.ProcessEnv): boolean {
  const { OTEL_SDK_DISABLED: disabled = '', OTEL_TRACES_EXPORTER: exporter = '' } = environment;
  const endpoint =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (disabled.toLowerCase() === 'true' || exporter === 'none') return false;
  if (exporter !== '' && exporter !== 'otlp')
    throw new TracingInvalid(`OTEL_TRACES_EXPORTER must be otlp or none, not ${JSON.stringify(exporter)}.`);
  if (endpoint === '' && exporter === '') return false;
  const protocol =
    environment['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ??
    environment['OTEL_EXPORTER_OTLP_PROTOCOL'] ??
    'http/protobuf';
  if (protocol !== 'http/protobuf')
    throw new TracingInvalid(
      `OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, not ${JSON.stringify(protocol)}.`,
    );
  return true;
}

/** Throws `TracingInvalid`. */
export function samplerOf(
  { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler }: typeof Sdk,
  environment: NodeJS.ProcessEnv,
): Sdk.Sampler {
  const { OTEL_TRACES_SAMPLER: name = '', OTEL_TRACES_SAMPLER_ARG: share = '1' } = environment;
  const roots = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratioOf(share)),
  };
  const wanted = name === '' ? 'parentbased_always_on' : name;
  const isParentBased = wanted.startsWith('parentbased_');
  const make = Object.entries(roots).find(([root]) => root === wanted.replace('parentbased_', ''))?.[1];
  if (make === undefined)
    throw new TracingInvalid(
      `OTEL_TRACES_SAMPLER must be one of ${Object.keys(roots).join(', ')}, or that with parentbased_ in front, not ${JSON.stringify(name)}.`,
    );
  return isParentBased ? new ParentBasedSampler({ root: make() }) : make();
}

function ratioOf(text: string): number {
  const ratio = Number(text);
  if (text.trim() !== '' && ratio >= 0 && ratio <= 1) return ratio;
  throw new TracingInvalid(
    `OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not ${JSON.stringify(text)}.`,
  );
}

const batchVariables = {
  OTEL_BSP_SCHEDULE_DELAY: 'scheduledDelayMillis',
  OTEL_BSP_EXPORT_TIMEOUT: 'exportTimeoutMillis',
  OTEL_BSP_MAX_QUEUE_SIZE: 'maxQueueSize',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'maxExportBatchSize',
} as const;

/** Throws `TracingInvalid`. */
export function batchOf(environment: NodeJS.ProcessEnv): Partial<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(batchVariables).flatMap(([name, option]) => {
      const text = environment[name] ?? '';
      if (text === '') return [];
      if (!/^[1-9]\d{0,8}$/.test(text))
        throw new TracingInvalid(`${name} must be a whole number, not ${JSON.stringify(text)}.`);
      return [[option, Number(text)]];
    }),
  );
}
