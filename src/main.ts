#!/usr/bin/env node
/** The `sallyport` command: start, wait for a signal, dispose. */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { fileURLToPath } from 'node:url';
import { compileCacheDirectory } from './config/compile-cache.ts';
import { withoutExperimentalWarnings } from './config/node-warnings.ts';
import type { Serving } from './api/serving.ts';
import type { LoadedConfig } from './config/config.ts';

withoutExperimentalWarnings(process);
// Before anything else is loaded: 250 files start in a third of the time from the cache.
const compileCache = process.env['NODE_COMPILE_CACHE'] ?? compileCacheDirectory();
if (compileCache !== null) enableCompileCache(compileCache);
// What a start allocates is soon garbage: a young generation that grew for it would keep 15 MiB for good.
setFlagsFromString('--semi-space-growth-factor=1');
const [{ runProgram }, { loadConfig }] = await Promise.all([
  import('./cli/program.ts'),
  import('./config/config.ts'),
]);

const program = fileURLToPath(import.meta.url);
/** Beside `src/` in a checkout, beside `dist/` when installed. */
const imagesDirectory = fileURLToPath(new URL('../sandbox-images', import.meta.url));

/** What the runner needs of the environment; nothing else reaches it. */
const runnerVariables = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'NODE_COMPILE_CACHE',
  'DOCKER_HOST',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
  'SALLYPORT_DATA_DIR',
  'SALLYPORT_POLICY_DIR',
  'SALLYPORT_ISOLATE_CONFINEMENT',
  'SALLYPORT_WARM_CONTAINERS',
  'SALLYPORT_ENGINE_FLOOR',
  'SALLYPORT_LOG_LEVEL',
];

await runProgram(process.argv.slice(2), {
  async serve() {
    const loaded = loadConfig(process.env);
    const stopped = nextStopSignal();
    // From the first moment: without it, the signal would end the process.
    let reload = (): void => {};
    process.on('SIGHUP', () => reload());
    const onReload = (given: () => void): void => {
      reload = given;
    };
    const { httpWorkers } = loaded.config;
    if (httpWorkers === null) return serveHere(loaded, { stopped, onReload });
    const { supervise } = await import('./supervisor/supervise.ts');
    return supervise({
      load: () => loadConfig(process.env),
      workersCount: httpWorkers,
      command: [process.execPath, ...process.execArgv, program],
      environment: process.env,
      runnerEnvironment: runnerEnvironment(),
      stopped,
      onReload,
    });
  },
  async worker({ index, url, shared = false, runner = null }) {
    const { WorkerLink } = await import('./supervisor/worker-link.ts');
    await using link = new WorkerLink({ process, index: Number(index), url, isShared: shared });
    // For the whole group of processes, and no business of this one.
    process.on('SIGHUP', () => {});
    await serveHere(loadConfig(process.env), {
      stopped: link.stopped,
      serving: link,
      sharedRunnerPath: runner,
    });
  },
  async runner({ instance, listen }) {
    const [{ runRunner }, { runnerLinkFd }] = await Promise.all([
      import('./runner.ts'),
      import('./execution/runner/spawn-runner.ts'),
    ]);
    const loaded = loadConfig(process.env);
    const common = {
      loaded,
      instance: instance ?? loaded.config.nodeId,
      imagesDirectory,
      onServing: growWithLoad,
    };
    if (listen === undefined) {
      // The api owns this process: it ends when the link closes, not with a signal meant for the whole group.
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
      return runRunner({ ...common, door: { kind: 'link', fd: runnerLinkFd } });
    }
    return runRunner({
      ...common,
      door: {
        kind: 'listen',
        address: listen,
        stopped: process.connected ? supervisorGone() : nextStopSignal(),
      },
      onListening: () => process.send?.('listening'),
      onRefresh: (refresh) => process.on('SIGHUP', refresh),
    });
  },
  async images() {
    const { createImageCommands } = await import('./execution/container/image-commands.ts');
    return createImageCommands(loadConfig(process.env).config.dockerHost, imagesDirectory);
  },
  async doctor(options) {
    const { examineHost } = await import('./cli/doctor/examine.ts');
    return examineHost(loadConfig(process.env).config, imagesDirectory, options);
  },
});

interface ServeOptions {
  readonly stopped: Promise<void>;
  /** Gets what to call when the policy files should be taken up. */
  readonly onReload?: (reload: () => void) => void;
  readonly serving?: Serving;
  readonly sharedRunnerPath?: string | null;
}

/** Serves in this process until it is stopped. */
async function serveHere(
  loaded: LoadedConfig,
  { stopped, onReload, serving, sharedRunnerPath = null }: ServeOptions,
): Promise<void> {
  const { startApp } = await import('./app.ts');
  await using app = await startApp({
    loaded,
    runnerCommand: [program, 'runner'],
    runnerEnvironment: runnerEnvironment(),
    environment: process.env,
    sharedRunnerPath,
    ...(serving !== undefined && { serving }),
  });
  onReload?.(() => void app.reloadPolicy());
  growWithLoad();
  await stopped;
}

function runnerEnvironment(): NodeJS.ProcessEnv {
  const environment = Object.fromEntries(runnerVariables.map((name) => [name, process.env[name]]));
  // Told by its environment it has the cache from its first line on, and loads no stripper of types.
  return compileCache === null ? environment : { ...environment, NODE_COMPILE_CACHE: compileCache };
}

/** Signals are for the whole group: the runner goes on until its supervisor, having ended the workers, lets it go. */
function supervisorGone(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  return new Promise((resolve) => process.once('disconnect', resolve));
}

/**
 * The young generation grows by V8's default factor. The old one is looked through once it is twice what was left of it:
 * bytes of bodies and frames count there, and by V8's own measure a few megabytes of them were reason enough. Measured where
 * a flood begins: collections of the runner 20 → 3 in its first 12 s, 4 to 60 ms each.
 */
function growWithLoad(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--heap-growing-percent=100');
}

function nextStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
