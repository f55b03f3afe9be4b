/** What every other part stands on: configuration, clock, ids, log, metrics, the record and the keys beside it. */
import type { Serving } from '../api/serving.ts';
import { openRecord } from '../audit/open-record.ts';
import type { RecordStore } from '../audit/record.ts';
import { timeWrites } from '../audit/time-writes.ts';
import { CallChanges } from '../calls/call-changes.ts';
import type { Clock } from '../calls/call-context.ts';
import { watchDiskReserve } from '../calls/disk-reserve.ts';
import { dayMs } from '../calls/upkeep/upkeep.ts';
import { OutcomeWriter } from '../calls/outcome-writer.ts';
import { createIdSource, createRandomSource } from '../calls/ids.ts';
import type { DataDirectory } from './data-directory.ts';
import type { Config, LoadedConfig } from '../config/config.ts';
import { readDataSecret } from '../config/data-secret.ts';
import type { SharedSecret } from '../audit/postgres/shared-secrets.ts';
import { NewsDesk } from './news.ts';
import { readVersion } from '../config/version.ts';
import { LogScrubber } from '../telemetry/log-scrubber.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { openTracing } from '../telemetry/tracing.ts';
import type { Tracing } from '../telemetry/tracing.ts';

type WrittenEvent = Parameters<RecordStore['write']>[0]['events'][number];

export interface Foundation {
  readonly config: Config;
  readonly serving: Serving;
  readonly version: string;
  readonly clock: Clock;
  readonly randomBytes: ReturnType<typeof createRandomSource>;
  readonly newId: (prefix: string) => string;
  readonly logger: Logger;
  /** Filters what the log says; gets the boundary once there is one. */
  readonly scrubber: LogScrubber;
  readonly metrics: Metrics;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** Names this process in the record. */
  readonly writer: string;
  readonly record: RecordStore;
  /** Time of its newest event when this process opened it, epoch milliseconds: a clock that says less went back. */
  readonly recordedUntilMs: number;
  /** Writes what must not be lost; after the runners are gone, what their end made of the calls. */
  readonly outcomes: OutcomeWriter;
  /** Who follows a call is told here that it changed. */
  readonly changes: CallChanges;
  readonly news: NewsDesk;
  readonly dataKey: Uint8Array;
  /** Names this deployment on its container engine. */
  readonly instance: string;
  readonly disk: Awaited<ReturnType<typeof watchDiskReserve>>;
  /** Writes an event that nobody waits for; what keeps it from the record is logged. */
  readonly recordInBackground: (event: WrittenEvent) => void;
}

export interface Ground {
  /** Where `OTEL_` variables are read. */
  readonly environment: NodeJS.ProcessEnv;
  readonly serving: Serving;
  /** Locked by this process, or by the one that supervises it. */
  readonly directory: DataDirectory;
}

export async function layFoundation(
  { config, secrets, warnings }: LoadedConfig,
  { environment, serving, directory: { dataKey, instance } }: Ground,
  stack: AsyncDisposableStack,
): Promise<Foundation> {
  const clock = { now: () => Date.now() };
  const randomBytes = createRandomSource();
  const newId = createIdSource(randomBytes);
  const scrubber = new LogScrubber();
  scrubber.hide(secrets);
  const logger = createLogger(config.logLevel, 'api', scrubber);
  for (const warning of warnings) logger.warn({}, warning);
  const writer = `${config.nodeId}/api-${serving.index}`;
  const changes = new CallChanges();
  const { dataDir, databaseUrl } = config;
  const news = new NewsDesk();
  news.add(({ calls }) => {
    if (calls === null) changes.notifyAll();
    else for (const callId of calls) changes.notify(callId);
  });
  const record = await openRecord(
    {
      dataDir,
      databaseUrl,
      writer,
      // What the processes of one node have in common is kept under the name of the first.
      home: `${config.nodeId}/api-1`,
      clock,
      newId,
      randomBytes,
      retentionMs: config.auditRetentionDays === null ? null : config.auditRetentionDays * dayMs,
      onCallStored: (callId) => changes.notify(callId),
      onNews: news.tell,
      sharesQuotas: config.redisUrl !== null,
      sharedSecrets: () => readSharedSecrets(config),
    },
    stack,
  );
  const recordedUntilMs = await newestEventMs(record);
  const outcomes = stack.use(new OutcomeWriter({ record, logger }));
  const disk = stack.use(await watchDiskReserve(config.dataDir, config.diskReserveBytes));
  const version = readVersion();
  const metrics = createMetrics();
  timeWrites(record, metrics);
  metrics.setDiskRoom(disk.hasRoom);
  const tracing = await openTracing(environment, {
    version,
    onFailed: (error) => logger.warn({ err: error }, 'spans were not delivered'),
  });
  return {
    config,
    serving,
    version,
    clock,
    randomBytes,
    newId,
    logger,
    scrubber,
    metrics,
    tracing: stack.use(tracing),
    writer,
    record,
    recordedUntilMs,
    outcomes,
    changes,
    dataKey,
    news,
    instance,
    disk,
    recordInBackground(event) {
      record
        .write({ events: [event] })
        .catch((error: unknown) => logger.error({ err: error, type: event.type }, 'event not recorded'));
    },
  };
}

/** By the names of their files in the data directory. */
function readSharedSecrets({ dataDir, sealingKey, auditSigningKey }: Config): readonly SharedSecret[] {
  return [
    { name: 'data.key', key: readDataSecret(dataDir, 'data.key') },
    { name: 'sealing.key', key: sealingKey ?? readDataSecret(dataDir, 'sealing.key') },
    {
      name: 'signing.key',
      key: auditSigningKey?.key ?? readDataSecret(dataDir, 'signing.key'),
      previous: auditSigningKey?.previous ?? null,
    },
  ];
}

async function newestEventMs(record: RecordStore): Promise<number> {
  const { items } = await record.listEvents({ tenant: null, limit: 1, order: 'desc' });
  return Date.parse(items[0]?.time ?? '') || 0;
}
