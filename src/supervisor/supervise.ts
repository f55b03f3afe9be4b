/** `sallyport serve` with SALLYPORT_HTTP_WORKERS: one supervisor and its workers, until SIGTERM or SIGINT. */
import { serveMetrics } from '../api/serve-metrics.ts';
import { ConfigInvalid } from '../config/config.ts';
import type { Config, LoadedConfig } from '../config/config.ts';
import { createLogger } from '../telemetry/logger.ts';
import { LogScrubber } from '../telemetry/log-scrubber.ts';
import { Supervisor } from './supervisor.ts';

/** Beyond the drain time: what cancelled calls may take to be recorded, and what everything else may take to end. */
const endMsMax = 20_000;

export interface SuperviseOptions {
  readonly load: () => LoadedConfig;
  readonly workersCount: number;
  /** What starts a worker: program and arguments, before those that this adds. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly stopped: Promise<void>;
  readonly onReload: (reload: () => void) => void;
}

export async function supervise(options: SuperviseOptions): Promise<void> {
  const loaded = options.load();
  const { config } = loaded;
  refuseManyWriters(options.workersCount);
  const scrubber = new LogScrubber();
  scrubber.hide(loaded.secrets);
  const logger = createLogger(config.logLevel, 'supervisor', scrubber);
  await using stack = new AsyncDisposableStack();
  const supervisor = stack.use(
    await Supervisor.start({
      address: { host: config.host, port: config.port, setting: 'SALLYPORT_PORT or SALLYPORT_HOST' },
      workersCount: options.workersCount,
      mayOverlap: false,
      command: ({ index, url }) => [...options.command, 'worker', '--index', String(index), '--url', url],
      environment: options.environment,
      stopMsMax: config.drainMs + endMsMax,
      checkConfig: () => void options.load(),
      logger,
    }),
  );
  await serveAllMetrics(config, supervisor, stack);
  options.onReload(() => void supervisor.reload());
  logger.info({ url: supervisor.url, workers: options.workersCount }, 'supervising');
  await options.stopped;
  logger.info({ drainMs: config.drainMs }, 'stopping');
}

async function serveAllMetrics(
  { metrics, metricsAddress }: Config,
  supervisor: Supervisor,
  stack: AsyncDisposableStack,
): Promise<void> {
  if (metrics === 'on' && metricsAddress !== null)
    stack.use(await serveMetrics(metricsAddress, supervisor.metrics));
}

/** Several workers are several writers of the record, which SQLite has not. */
function refuseManyWriters(workersCount: number): void {
  if (workersCount === 1) return;
  throw new ConfigInvalid([
    `SALLYPORT_HTTP_WORKERS is ${workersCount}, and the record on SQLite has one writer: use 1, which reloads without a connection lost, or more servers with data directories of their own that share SALLYPORT_REDIS_URL`,
  ]);
}
