/** Composition root of the api process: the only place that constructs its parts, and takes them down in reverse. */
import { createHash, createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStillActive } from './api/authenticate.ts';
import { CallFollower } from './api/follow-call.ts';
import { LoginFailures } from './api/login-failures.ts';
import { Problem } from './api/problem.ts';
import { ReadinessWatch } from './api/readiness-watch.ts';
import { readReadiness } from './api/readiness.ts';
import { createRoutes } from './api/routes/index.ts';
import { createHttpServer } from './api/server.ts';
import { serveMetrics } from './api/serve-metrics.ts';
import { listen, stopServing } from './api/serve.ts';
import { createAnchor } from './audit/checkpoints/anchors.ts';
import { Checkpointer } from './audit/checkpoints/checkpointer.ts';
import type { CheckpointerOptions } from './audit/checkpoints/checkpointer.ts';
import { signingKey } from './audit/checkpoints/signing-key.ts';
import { RecordUnavailable } from './audit/record.ts';
import type { RecordStore } from './audit/record.ts';
import { timeWrites } from './audit/time-writes.ts';
import { openSqliteRecord } from './audit/sqlite/open-sqlite-record.ts';
import { FileFilter } from './boundary/file-filter.ts';
import { detectorIds } from './boundary/detectors.ts';
import { ApprovalDesk } from './calls/approvals/approval-desk.ts';
import { watchExpiry } from './calls/approvals/expire-approvals.ts';
import { PayloadSeal } from './calls/approvals/payload-seal.ts';
import { WaitingRoom } from './calls/approvals/waiting-room.ts';
import { announcePending, ApprovalWebhook } from './calls/approvals/webhook/approval-webhook.ts';
import { BlockList } from './calls/block-list.ts';
import { CallChanges } from './calls/call-changes.ts';
import type { CallContext } from './calls/call-context.ts';
import { closeOpenCalls } from './calls/close-open-calls.ts';
import { currentCall } from './calls/current-call.ts';
import { readCredentialSecrets } from './calls/credential-secrets.ts';
import { DetachedCalls } from './calls/detached-calls.ts';
import { watchDiskReserve } from './calls/disk-reserve.ts';
import { ensureFirstKeys } from './calls/first-keys.ts';
import { createIdSource, createRandomSource } from './calls/ids.ts';
import { KeyRing, actor } from './calls/key-ring.ts';
import { openQuotas } from './calls/open-quotas.ts';
import { OutcomeWriter } from './calls/outcome-writer.ts';
import { ActivePolicy } from './calls/policy/active-policy.ts';
import { chooseFirstPolicy, findFiles } from './calls/policy/first-policy.ts';
import { LiveBoundary } from './calls/policy/live-boundary.ts';
import { PolicyWatch } from './calls/policy/policy-watch.ts';
import { describeStaleness } from './calls/policy/policy-state.ts';
import { RunningCalls } from './calls/running-calls.ts';
import { LiveSessions } from './calls/sessions/live-sessions.ts';
import { SessionDesk } from './calls/sessions/session-desk.ts';
import { SessionFiles } from './calls/sessions/session-files.ts';
import { Slots } from './calls/slots.ts';
import { ConfigInvalid } from './config/config.ts';
import type { Config, LoadedConfig } from './config/config.ts';
import { readDataSecret, readWebhookSecret } from './config/data-secret.ts';
import { readVersion } from './config/version.ts';
import { readTlsIdentity } from './config/tls-identity.ts';
import { remoteRunner } from './execution/runner/dial-runner.ts';
import type { RunnerOpener } from './execution/runner/open-runner.ts';
import { parseRunnerAddress } from './execution/runner/runner-address.ts';
import type { RunnerAddress } from './execution/runner/runner-address.ts';
import { RunnerConnection } from './execution/runner/runner-connection.ts';
import type { RunnerConnectionOptions, RunnerState } from './execution/runner/runner-connection.ts';
import { RunnerGroup } from './execution/runner/runner-group.ts';
import { childRunner } from './execution/runner/spawn-runner.ts';
import { compileAside } from './policy/compile/compile-aside.ts';
import { readClaim } from './policy/load/read-claim.ts';
import { scanFiles } from './policy/load/scan-files.ts';
import type { Revision } from './policy/revision.ts';
import { demandsConfinement, findUnmetConfinement } from './policy/unmet-confinement.ts';
import { createLogger } from './telemetry/logger.ts';
import type { Logger } from './telemetry/logger.ts';
import { LogScrubber } from './telemetry/log-scrubber.ts';
import { createMetrics } from './telemetry/metrics.ts';
import type { RunnerReading } from './telemetry/metrics/runner-metrics.ts';

/** Calls between decision and outcome at once, and how many more may wait for a place. */
const slotLimits = { runningMax: 64, waitingMax: 1024 } as const;
/** After the drain time, what a cancelled call may still take to be recorded. */
const cancelMsMax = 10_000;

export interface App extends AsyncDisposable {
  /** Where it really listens. */
  readonly url: string;
  /** Takes up the policy files as they are now. Never rejects: the log, the record and `/ready` say what came of it. */
  reloadPolicy(): Promise<void>;
}

export interface AppOptions {
  readonly loaded: LoadedConfig;
  /** Script and arguments that start the runner process. */
  readonly runnerCommand: readonly string[];
  readonly runnerEnvironment: NodeJS.ProcessEnv;
  /** Where credentials with `from: {env}` are read. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Starts everything, or takes down what it had started and rejects with an error that says what to do. */
export async function startApp({
  loaded,
  runnerCommand,
  runnerEnvironment,
  environment,
}: AppOptions): Promise<App> {
  const { config } = loaded;
  const clock = { now: () => Date.now() };
  const randomBytes = createRandomSource();
  const newId = createIdSource(randomBytes);
  const version = readVersion();
  const scrubber = new LogScrubber();
  scrubber.hide(loaded.secrets);
  const logger = createLogger(config.logLevel, 'api', scrubber);
  for (const warning of loaded.warnings) logger.warn({}, warning);

  await using stack = new AsyncDisposableStack();
  const writer = `${config.nodeId}/api-1`;
  const changes = new CallChanges();
  const record = stack.use(
    openSqliteRecord({
      dataDir: config.dataDir,
      writer,
      clock,
      newId,
      randomBytes,
      onCallStored: (callId) => changes.notify(callId),
    }),
  );
  const dataKey = readDataSecret(config.dataDir, 'data.key');
  const metrics = createMetrics();
  timeWrites(record, metrics);
  const disk = stack.use(await watchDiskReserve(config.dataDir, config.diskReserveBytes));
  const outcomes = stack.use(new OutcomeWriter({ record, logger }));
  const running = new RunningCalls((callId) => changes.notify(callId));
  const knownDetectors = [...detectorIds];
  const finding = findFiles(config.policyDirs, knownDetectors);
  const choosing = finding.then((found) => chooseFirstPolicy(found, record, knownDetectors));
  let decidingUnder = (): Promise<string> => choosing.then(({ revision }) => revision.id);
  let sessions: SessionDesk | null = null;
  const starting = openRunners(
    config,
    childRunner([...runnerCommand, '--instance', instanceOf(dataKey)], runnerEnvironment),
    {
      revision: () => decidingUnder(),
      logger,
      onLost: (reason) => {
        metrics.runnerLost();
        recordInBackground(record, logger, { type: 'runner_lost', details: { reason } });
      },
      onServing: (name) => sessions?.runnerServes(name),
      onSessionEnded: (id, reason) => sessions?.ended(id, reason),
    },
  );
  const [found, first, runner] = await Promise.all([finding, choosing, starting]);
  stack.use(runner);
  await requireConfinement(first.revision, runner);
  const { approvalWebhook: webhookUrl } = config;
  const webhook =
    webhookUrl === null
      ? null
      : stack.use(
          new ApprovalWebhook({
            url: webhookUrl,
            secret: readWebhookSecret(config.dataDir),
            record,
            metrics,
            clock,
            logger,
          }),
        );
  const slots = new Slots({ ...slotLimits, onTaken: (waitedMs) => metrics.callAdmitted(waitedMs / 1000) });
  metrics.setRunningCalls(() => slots.runningCount);
  metrics.setWaitingCalls(() => slots.waitingCount);
  metrics.setDiskRoom(disk.hasRoom);
  metrics.setRunners(async () => readRunners(await runner.state()));
  const boundary = new LiveBoundary(first.revision, {
    redactionKey: dataKey,
    readSecrets: (credentials) => readCredentialSecrets(credentials, environment),
    onFiltered: (what, seconds) => metrics.filtered(what, seconds),
  });
  scrubber.use((text) => boundary.redactText(text));
  const blocks = new BlockList({ record, clock, newId, redactText: (text) => boundary.redactText(text) });
  const policy = new ActivePolicy(first, {
    directories: config.policyDirs,
    knownDetectors,
    record,
    runners: runner,
    compile: compileAside,
    scan: () => scanFiles(config.policyDirs),
    readClaim: () => readClaim(config.policyDirs),
    prepare: (revision) => boundary.prepare(revision),
    sleep,
    clock,
    redactText: (text) => boundary.redactText(text),
    onChange: ({ outcome }) => {
      metrics.policyChanged(outcome);
      sessions?.policyChanged();
    },
    logger,
  });
  decidingUnder = async () => policy.revision.id;
  metrics.setPolicyStale(() => describeStaleness(policy.state) !== null);
  const closed = await closeOpenCalls(record, clock);
  if (closed > 0) logger.warn({ calls: closed }, 'calls of an earlier process closed as unknown');
  const { redisUrl } = config;
  const quotas = stack.use(
    await openQuotas({
      record,
      revision: policy.revision,
      clock,
      redisUrl,
      process: instanceOf(dataKey),
      metrics,
      logger,
    }),
  );
  metrics.setOpenLeases(() => quotas.openLeases);
  const context: CallContext = {
    revision: () => policy.revision,
    quotas,
    blocks,
    boundary,
    executor: runner,
    record,
    outcomes,
    slots,
    metrics,
    clock,
    newId,
    fingerprint: (body) => createHmac('sha256', dataKey).update(body).digest('hex'),
    hasDiskReserve: disk.hasRoom,
    running,
    sessions: new LiveSessions({ record, clock }),
    approvals: {
      seal: new PayloadSeal(config.sealingKey ?? readDataSecret(config.dataDir, 'sealing.key'), randomBytes),
      waitingRoom: new WaitingRoom(record),
      announce: (approval) => webhook?.announce(approval),
    },
    logger,
  };
  metrics.setPendingApprovals(() => countPending(record));
  const keys = new KeyRing({ record, clock });
  await writeFirstKeys(record, keys, config, logger);
  const previous = record.policyState()?.revision ?? null;
  await record.write({ events: [startedEvent(loaded, version, policy.revision.id)] });
  await policy.recordStart(previous, first.files.kind === 'active' ? found.claimed : null);
  const holdRevision = (id: string): Promise<unknown> => runner.hold(id);
  stack.use(new PolicyWatch({ policy, holdRevision, logger }));

  stack.use(await startCheckpoints(config, { record, writer, clock, logger }));
  const fileBytesMax = config.maxFileBytes;
  const sessionContext = {
    ...context,
    host: runner,
    fileFilter: new FileFilter(boundary, () => boundary.options),
    fileBytesMax,
  };
  const sessionDesk = stack.use(new SessionDesk(sessionContext));
  sessions = sessionDesk;
  metrics.setOpenSessions(() => context.sessions.all.length);
  stack.use(watchExpiry(context));
  const detached = stack.use(new DetachedCalls({ logger }));
  const desk = new ApprovalDesk(context, detached);
  if (webhook !== null) announcePending(record, webhook);
  const failures = stack.use(new LoginFailures({ record, logger }));
  const authentication = { record, now: clock.now, onFailure: (address: string) => failures.count(address) };
  const follower = new CallFollower({
    changes,
    current: (callId) => currentCall(context, callId),
    isStillActive: (caller) => isStillActive(authentication, caller),
  });
  let isDraining = false;
  const readiness = stack.use(
    new ReadinessWatch({
      read: () =>
        readReadiness({
          record: () => record.health(),
          runners: () => runner.state(),
          revision: () => policy.revision,
          policy: () => policy.state,
          blocks: () => blocks.list(),
          quotas: () => quotas.state(),
          hasDiskReserve: disk.hasRoom,
          isDraining: () => isDraining,
        }),
      clock,
      logger,
    }),
  );
  metrics.setDependencies(() => readiness.states);
  const server = createHttpServer({
    routes: createRoutes({
      context,
      keys,
      desk,
      detached,
      sessions: sessionDesk,
      files: new SessionFiles(sessionContext, sessionDesk),
      follower,
      blocks,
      policy,
      version,
      readiness: () => readiness.now(),
      isDraining: () => isDraining,
      servesMetrics: config.metrics === 'on' && config.metricsAddress === null,
    }),
    authentication,
    onScopeDenied: async (caller, scope, route) => {
      await record.write({
        events: [
          {
            type: 'scope_denied',
            ...actor(caller),
            tenant: caller.principal.tenant,
            details: { scope, route },
          },
        ],
      });
    },
    newRequestId: () => newId('req'),
    mayRecord: (text) => context.boundary.redactText(text) === text,
    bodyBytesMax: config.maxBodyBytes,
    trustedProxies: config.trustedProxies ?? [],
    logger,
    metrics,
    problemOfError,
  });
  const { host, port, metricsAddress } = config;
  if (config.metrics === 'on' && metricsAddress !== null) {
    const door = stack.use(await serveMetrics(metricsAddress, metrics.registry));
    logger.info({ url: `${door.url}/metrics` }, 'metrics are served');
  }
  const url = await listen(server, { host, port, setting: portSetting(host) });
  stack.defer(async () => {
    isDraining = true;
    logger.info({ runningCalls: slots.runningCount, drainMs: config.drainMs }, 'draining');
    slots.refuseWaiting();
    const cancel = setTimeout(() => running.cancelAll(), config.drainMs);
    const served = stopServing(server, config.drainMs + cancelMsMax);
    await running.ended();
    changes.close();
    await served;
    // Nobody may wait for the answer any more, but the outcome belongs to the record.
    await detached[Symbol.asyncDispose]();
    clearTimeout(cancel);
    await sessionDesk.stop();
    await record.write({ events: [{ type: 'stopped', details: { version } }] });
    logger.info({}, 'stopped');
  });
  logger.info({ url, version, revision: policy.revision.id, dataDir: config.dataDir }, 'listening');
  const owned = stack.move();
  return {
    url,
    async reloadPolicy() {
      try {
        await policy.reload('signal', null);
      } catch (error) {
        logger.error({ err: error }, 'the policy files could not be taken up');
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What an operator changes: the port, unless the host was set as well. */
function portSetting(host: string): string {
  return host === '127.0.0.1' ? 'SALLYPORT_PORT' : 'SALLYPORT_HOST and SALLYPORT_PORT';
}

/**
 * A tool that demands more than this host has is a reason not to start; later its calls alone are refused. A runner
 * elsewhere that is not there yet says nothing now: what it cannot fulfil, it refuses call by call.
 */
async function requireConfinement(revision: Revision, runners: RunnerGroup): Promise<void> {
  if (!demandsConfinement(revision)) return;
  for (const { health } of await runners.state()) {
    const isolates = health?.executors.find(({ kind }) => kind === 'isolate');
    if (isolates === undefined) continue;
    const unmet = findUnmetConfinement(revision, isolates.confinement);
    if (unmet === null) continue;
    const why = isolates.reason === null ? '' : ` (${isolates.reason})`;
    throw new Error(
      `${unmet}${why}. Give the host what is missing (\`sallyport doctor\` says what), or lower minConfinement in policy`,
    );
  }
}

/** The runners that are configured, else a child of this process, which must be there before anything is served. */
async function openRunners(
  config: Config,
  child: RunnerOpener,
  options: Omit<RunnerConnectionOptions, 'opener'>,
): Promise<RunnerGroup> {
  if (config.runners === null)
    return new RunnerGroup([await RunnerConnection.start({ ...options, opener: child })]);
  const tls = readTlsIdentity(config);
  const openers = config.runners.map((text) => remoteRunner(runnerAddress(text), tls));
  return new RunnerGroup(openers.map((opener) => RunnerConnection.startInBackground({ ...options, opener })));
}

function runnerAddress(text: string): RunnerAddress {
  try {
    return parseRunnerAddress(text);
  } catch (error) {
    throw new ConfigInvalid([
      `SALLYPORT_RUNNER ${error instanceof Error ? error.message : 'is not valid'}: ${text}`,
    ]);
  }
}

/** The same at every start on this data directory, so that a new runner finds the containers of the one before. */
function instanceOf(dataKey: Uint8Array): string {
  return createHmac('sha256', dataKey).update('instance').digest('hex').slice(0, 16);
}

async function writeFirstKeys(
  record: RecordStore,
  keys: KeyRing,
  config: Config,
  logger: Logger,
): Promise<void> {
  const { dataDir, bootstrapKey } = config;
  const written = await ensureFirstKeys({ dataDir, record, keys, bootstrapKey });
  for (const file of written) logger.info({ file }, 'first key written');
}

/** A scrape must not fail because the record does: what cannot be counted is not a number. */
function countPending(record: RecordStore): number {
  try {
    return record.countPendingApprovals(null);
  } catch {
    return Number.NaN;
  }
}

function startedEvent(
  loaded: LoadedConfig,
  version: string,
  revision: string,
): Parameters<RecordStore['write']>[0]['events'][number] {
  const shown = loaded.sources.map(({ name, shown }) => `${name}=${shown}`).join('\n');
  return {
    type: 'started',
    details: {
      version,
      revision,
      configDigest: `sha256:${createHash('sha256').update(shown).digest('hex')}`,
    },
  };
}

function recordInBackground(
  record: RecordStore,
  logger: Logger,
  event: Parameters<RecordStore['write']>[0]['events'][number],
): void {
  record
    .write({ events: [event] })
    .catch((error: unknown) => logger.error({ err: error, type: event.type }, 'event not recorded'));
}

function problemOfError(error: unknown): Problem | null {
  if (!(error instanceof RecordUnavailable)) return null;
  return new Problem(
    'audit_unavailable',
    'The record cannot be written or read, so nothing was done. GET /ready says why.',
    {},
    { cause: error },
  );
}

function readRunners(runners: readonly RunnerState[]): RunnerReading {
  const executors = runners.flatMap(({ health, name: runner }) =>
    (health?.executors ?? []).map((executor) => ({ runner, ...executor })),
  );
  return {
    containers: executors.flatMap(({ runner, pools = [] }) => pools.map((pool) => ({ runner, ...pool }))),
    isolates: executors.flatMap(({ runner, workers }) =>
      workers === undefined ? [] : [{ runner, ...workers }],
    ),
  };
}

/** Signs what the record holds by now, and what comes. */
function startCheckpoints(
  config: Config,
  parts: Pick<CheckpointerOptions, 'record' | 'writer' | 'clock' | 'logger'>,
): Promise<Checkpointer> {
  const { auditSigningKey, auditAnchor, auditCheckpointMs, dataDir } = config;
  const previous = auditSigningKey?.previous ?? null;
  return Checkpointer.start({
    ...parts,
    key: signingKey(auditSigningKey?.key ?? readDataSecret(dataDir, 'signing.key')),
    previousKey: previous === null ? null : signingKey(previous),
    anchors: (auditAnchor ?? []).map(createAnchor),
    everyMs: auditCheckpointMs,
  });
}
