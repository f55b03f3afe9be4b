#!/usr/bin/env node
/** The `sallyport` command: start, wait for a signal, dispose. */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { fileURLToPath } from 'node:url';

// Before anything else is loaded: 250 files start in a third of the time from the cache.
enableCompileCache();
// What a start allocates is soon garbage: a young generation that grew for it would keep 15 MiB for good.
setFlagsFromString('--semi-space-growth-factor=1');
const [{ runProgram }, { loadConfig }] = await Promise.all([
  import('./cli/program.ts'),
  import('./config/config.ts'),
]);

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
    const { startApp } = await import('./app.ts');
    const runnerEnvironment = Object.fromEntries(runnerVariables.map((name) => [name, process.env[name]]));
    const runnerCommand = [fileURLToPath(import.meta.url), 'runner'];
    const stopped = nextStopSignal();
    // From the first moment: without it, the signal would end the process.
    let reload = (): void => {};
    process.on('SIGHUP', () => reload());
    await using app = await startApp({
      loaded: loadConfig(process.env),
      runnerCommand,
      runnerEnvironment,
      environment: process.env,
    });
    reload = () => void app.reloadPolicy();
    // V8's default; under load it may grow.
    setFlagsFromString('--semi-space-growth-factor=2');
    await stopped;
  },
  async runner({ instance, listen }) {
    const [{ runRunner }, { runnerLinkFd }, { parseRunnerAddress }] = await Promise.all([
      import('./runner.ts'),
      import('./execution/runner/spawn-runner.ts'),
      import('./execution/runner/runner-address.ts'),
    ]);
    const loaded = loadConfig(process.env);
    const common = { loaded, instance: instance ?? loaded.config.nodeId, imagesDirectory };
    if (listen === undefined) {
      // The api owns this process: it ends when the link closes, not with a signal meant for the whole group.
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
      return runRunner({ ...common, door: { kind: 'link', fd: runnerLinkFd } });
    }
    const address = parseRunnerAddress(listen);
    return runRunner({
      ...common,
      door: { kind: 'listen', address, stopped: nextStopSignal() },
      onRefresh: (refresh) => process.on('SIGHUP', refresh),
    });
  },
  async images() {
    const { createImageCommands } = await import('./execution/container/image-commands.ts');
    return createImageCommands(loadConfig(process.env).config.dockerHost, imagesDirectory);
  },
  async doctor() {
    const { examineHost } = await import('./cli/doctor/examine.ts');
    return examineHost(loadConfig(process.env).config, imagesDirectory);
  },
});

function nextStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
