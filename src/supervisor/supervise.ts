/** `sallyport serve` with SALLYPORT_HTTP_WORKERS: one supervisor and its workers, until SIGTERM or SIGINT. */
import { serveMetrics } from '../api/serve-metrics.ts';
import { takeDataDirectory } from '../app/data-directory.ts';
import { ConfigInvalid } from '../config/config.ts';
import type { Config, LoadedConfig } from '../config/config.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { Logger } from '../telemetry/logger.ts';
import { LogScrubber } from '../telemetry/log-scrubber.ts';
import { SharedDesk } from './shared-desk.ts';
import { SharedRunner } from './shared-runner.ts';
import { Supervisor } from './supervisor.ts';

/** Beyond the drain time: what cancelled calls may take to be recorded, and what everything else may take to end. */
const endMsMax = 20_000;

export interface SuperviseOptions {
  readonly load: () => LoadedConfig;
  readonly workersCount: number;
  /** What starts a worker: program and arguments, before those that this adds. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly runnerEnvironment: NodeJS.ProcessEnv;
  readonly stopped: Promise<void>;
  readonly onReload: (reload: () => void) => void;
}

export async function supervise(options: SuperviseOptions): Promise<void> {
  const { command, workersCount } = options;
  const loaded = options.load();
  const { config } = loaded;
  refuseManyWriters(workersCount, config);
  const scrubber = new LogScrubber();
  scrubber.hide(loaded.secrets);
  const logger = createLogger(config.logLevel, 'supervisor', scrubber);
  await using stack = new AsyncDisposableStack();
  const shared = workersCount === 1 ? null : await openShared(options, config, logger, stack);
  const supervisor = stack.use(
    await Supervisor.start({
      address: { host: config.host, port: config.port, setting: 'SALLYPORT_PORT or SALLYPORT_HOST' },
      workersCount,
      command: ({ index, url }) => [
        ...command,
        'worker',
        '--index',
        String(index),
        '--url',
        url,
        ...(shared === null ? [] : ['--shared']),
        ...(shared === null || shared.runnerPath === null ? [] : ['--runner', shared.runnerPath]),
      ],
      desk: shared?.desk ?? null,
      environment: options.environment,
      stopMsMax: config.drainMs + endMsMax,
      checkConfig: () => refuseManyWriters(workersCount, options.load().config),
      logger,
    }),
  );
  await serveAllMetrics(config, supervisor, stack);
  options.onReload(() => void supervisor.reload());
  logger.info({ url: supervisor.url, workers: workersCount }, 'supervising');
  await options.stopped;
  logger.info({ drainMs: config.drainMs }, 'stopping');
}

interface Shared {
  readonly desk: SharedDesk;
  /** Null: the workers dial the runners that are configured. */
  readonly runnerPath: string | null;
}

/** What several workers have in common: the data directory, which no other server may have, the desk, and the runner. */
async function openShared(
  { command, runnerEnvironment, workersCount }: SuperviseOptions,
  config: Config,
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<Shared> {
  const { dataDir } = config;
  const { instance } = takeDataDirectory(config, stack);
  let runner: SharedRunner | null = null;
  const desk = new SharedDesk({ workersCount, onRunnerSilent: () => runner?.endSilent() });
  if (config.runners === null)
    runner = stack.use(
      await SharedRunner.start({
        dataDir,
        command: (path) => [...command, 'runner', '--listen', `unix:${path}`, '--instance', instance],
        environment: runnerEnvironment,
        logger,
      }),
    );
  return { desk, runnerPath: runner?.path ?? null };
}

async function serveAllMetrics(
  { metrics, metricsAddress }: Config,
  supervisor: Supervisor,
  stack: AsyncDisposableStack,
): Promise<void> {
  if (metrics === 'on' && metricsAddress !== null)
    stack.use(await serveMetrics(metricsAddress, supervisor.metrics));
}

/** Several workers are several writers of the record, which SQLite has not, and count quotas and rates together. */
function refuseManyWriters(workersCount: number, { databaseUrl, redisUrl }: Config): void {
  if (workersCount === 1) return;
  const missing = [
    ...(databaseUrl === null ? ['SALLYPORT_DATABASE_URL, for the record on SQLite has one writer'] : []),
    ...(redisUrl === null ? ['SALLYPORT_REDIS_URL, which counts quotas and rates for all of them'] : []),
  ];
  if (missing.length === 0) return;
  throw new ConfigInvalid([
    `SALLYPORT_HTTP_WORKERS is ${workersCount}: more than one needs ${missing.join(', and ')}; with 1 the server reloads without a connection lost as well`,
  ]);
}
