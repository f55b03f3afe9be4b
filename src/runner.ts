/**
 * Composition root of the runner process: the only holder of the container engine's socket. It compiles the
 * policy by itself and is told a tool's name, a revision and arguments, never how to build a sandbox.
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type * as boundaryRoom from './boundary/boundary.ts';
import type { Boundary } from './boundary/boundary.ts';
import type { Config, LoadedConfig } from './config/config.ts';
import { readTlsIdentity } from './config/tls-identity.ts';
import type { TlsIdentity } from './model/tls-identity.ts';
import type { ContainerProfile, SandboxExecutor, SandboxProfile } from './execution/executor.ts';
import { createIsolateExecutor } from './execution/isolate/isolate-executor.ts';
import { listenForApis } from './execution/runner/listen-runner.ts';
import { showAddress } from './execution/runner/runner-address.ts';
import type { RunnerAddress } from './execution/runner/runner-address.ts';
import { RunnerServer } from './execution/runner/runner-server.ts';
import type { RunnerServerOptions } from './execution/runner/runner-server.ts';
import { SeenCalls } from './execution/runner/seen-calls.ts';
import type { HeldRevision, RecentRevisions } from './policy/recent-revisions.ts';
import type { ToolCode } from './model/tool.ts';
import { createLogger } from './telemetry/logger.ts';
import type { Logger } from './telemetry/logger.ts';
import { LogScrubber } from './telemetry/log-scrubber.ts';

/** How long a connection may be idle before the kernel asks whether the other host is still there. */
const keepAliveMs = 30_000;

export interface RunnerOptions {
  readonly loaded: LoadedConfig;
  /** The folder of image folders. */
  readonly imagesDirectory: string;
  /** Names this deployment's containers on the engine. */
  readonly instance: string;
  readonly door: RunnerDoorway;
  /** Of a service: apis can connect now. */
  readonly onListening?: () => void;
  /** Gets what to call when the policy files should be looked at. */
  readonly onRefresh?: (refresh: () => void) => void;
  /** From now on it takes calls. */
  readonly onServing?: () => void;
}

export type RunnerDoorway =
  /** Child of one api: an inherited socket. It ends with the link. */
  | { readonly kind: 'link'; readonly fd: number }
  /** A service of its own, for any number of apis. It ends when `stopped` resolves. */
  | { readonly kind: 'listen'; readonly address: RunnerAddress; readonly stopped: Promise<void> };

/** Serves until the link closes or it is stopped, then ends every sandbox and resolves. */
export async function runRunner(options: RunnerOptions): Promise<void> {
  const { config } = options.loaded;
  const scrubber = new LogScrubber();
  scrubber.hide(options.loaded.secrets);
  scrubber.use(redactLater());
  const logger = createLogger(config.logLevel, 'runner', scrubber);
  await using stack = new AsyncDisposableStack();
  // Workers and what proves them take their time in processes of their own; policy is loaded and compiled meanwhile.
  const policy = nextTurn().then(() => compilePolicy(config, logger));
  policy.catch(() => {});
  const executors = startExecutors(stack, { ...options, policy }, logger);
  executors.catch(() => {});
  try {
    const revisions = await policy;
    // A confinement that was named must be proved before anybody is told that this runner serves.
    if (config.isolateConfinement !== 'auto') await executors;
    const held = {
      hold: (wanted: string) => revisions.hold(wanted),
      profileOf: (id: string, tool: string) => {
        const revision = revisions.get(id);
        return revision === null ? null : profileOf(revision, tool);
      },
    };
    const shared = { revisions: held, executors, seenCalls: new SeenCalls(), logger };
    options.onRefresh?.(() => void revisions.refresh());
    options.onServing?.();
    if (options.door.kind === 'link') await serveLink(shared, options.door.fd);
    else await serveApis(shared, options.door, readTlsIdentity(config), options.onListening);
  } finally {
    // Executors that are still starting belong to the stack before it is taken down.
    await executors.catch(() => {});
  }
}

/** The last words of a worker are hostile text, and may hold what a caller gave it. */
function redactLater(): (text: string) => string {
  let boundary: Boundary | null = null;
  return (text) => {
    boundary ??= makeBoundary();
    return boundary.redactText(text);
  };
}

/** Loaded by the first line of the log. */
function makeBoundary(): Boundary {
  const require = createRequire(import.meta.url);
  const { createBoundary } = require('./boundary/boundary.ts') as typeof boundaryRoom;
  return createBoundary({ redactionKey: randomBytes(32), knownSecrets: [] });
}

/** Resolves when the files were looked at for the first time. */
async function compilePolicy(config: Config, logger: Logger): Promise<RecentRevisions> {
  const { openRevisions } = await import('./runner-policy.ts');
  return openRevisions(config, logger);
}

type Shared = Omit<RunnerServerOptions, 'stream' | 'onClosed'> & { readonly logger: Logger };

async function serveLink(shared: Shared, fd: number): Promise<void> {
  const closed = Promise.withResolvers<string>();
  const stream = new Socket({ fd, readable: true, writable: true });
  const server = new RunnerServer({ ...shared, stream, onClosed: closed.resolve });
  const reason = await closed.promise;
  shared.logger.info({ reason, calls: server.callCount }, 'runner stopping');
}

async function serveApis(
  shared: Shared,
  { address, stopped }: Extract<RunnerDoorway, { kind: 'listen' }>,
  tls: TlsIdentity | null,
  onListening?: () => void,
): Promise<void> {
  const { logger } = shared;
  await using _door = await listenForApis({
    address,
    tls,
    onConnection: (stream) => {
      stream.setNoDelay(true).setKeepAlive(true, keepAliveMs);
      logger.info({ peer: stream.remoteAddress }, 'api connected');
      const onClosed = (reason: string): void => logger.info({ reason }, 'api gone');
      void new RunnerServer({ ...shared, stream, onClosed });
    },
    onRefused: (reason) => logger.warn({ reason }, 'a connection was refused'),
  });
  logger.info({ address: showAddress(address) }, 'runner listening');
  onListening?.();
  await stopped;
  logger.info({}, 'runner stopping');
}

async function startExecutors(
  stack: AsyncDisposableStack,
  {
    policy,
    imagesDirectory,
    instance,
    loaded: { config },
  }: RunnerOptions & { readonly policy: Promise<RecentRevisions> },
  logger: Logger,
): Promise<readonly SandboxExecutor[]> {
  const engine = {
    dockerHost: config.dockerHost,
    instance,
    imagesDirectory,
    live: new Set<string>(),
    clock: { now: () => Date.now() },
    logger,
  };
  const isolates = stack.use(
    await createIsolateExecutor({
      confinement: config.isolateConfinement,
      async confineInContainer() {
        const { confineInContainer } = await import('./execution/container/confine-in-container.ts');
        const revisions = await policy;
        const guestMemoryMiBMax = (): number => isolateMemoryMiBMax(revisions);
        return stack.use(await confineInContainer({ ...engine, engineRuntime: 'runc', guestMemoryMiBMax }));
      },
      logger,
    }),
  );
  // Not before: the engine's client takes a while to load, and the api waits for the policy.
  const revisions = await policy;
  const { createContainerExecutor } = await import('./execution/container/container-executor.ts');
  const containers = stack.use(
    createContainerExecutor({
      ...engine,
      keepsWarm: config.warmContainers === 'on',
      refusesKnownHoles: config.engineFloor === 'refuse',
      profiles: () => containerProfiles(revisions.latest),
    }),
  );
  // What policy keeps warm is made behind the start, not in its way.
  void containers.tend().catch(() => {});
  return [isolates, containers];
}

/** Memory of the largest isolate tool. */
function isolateMemoryMiBMax({ tools }: RecentRevisions): number {
  const isolates = tools.filter(({ runtime }) => runtime.kind === 'isolate');
  return Math.max(0, ...isolates.map(({ limits }) => limits.memoryMiB));
}

function containerProfiles(revision: HeldRevision | null): ContainerProfile[] {
  if (revision === null) return [];
  const profiles = [...revision.tools.keys()].map((name) => profileOf(revision, name));
  return profiles.filter((profile) => profile?.kind === 'container');
}

function profileOf(revision: HeldRevision, name: string): SandboxProfile | null {
  const tool = revision.tools.get(name);
  if (tool === undefined) return null;
  const { runtime, limits } = tool;
  const code = codeOf(runtime.code);
  if (runtime.kind === 'isolate') {
    const { minConfinement, reuse, webAssembly } = runtime;
    return { kind: 'isolate', tool: name, limits, code, reuse, minConfinement, webAssembly };
  }
  const image = revision.images.get(runtime.image);
  if (image === undefined) return null;
  return { kind: 'container', tool: name, limits, code, image, engineRuntime: runtime.engineRuntime };
}

function codeOf(code: ToolCode): SandboxProfile['code'] {
  return code.from === 'args' ? null : { name: code.name, source: code.javascript ?? code.source };
}
