/** Composition root of the api process: constructs its parts in order (`app/compose.ts`), and takes them down in reverse. */
import type { Serving } from './api/serving.ts';
import { takeDataDirectory } from './app/data-directory.ts';
import type { LoadedConfig } from './config/config.ts';
import { sharedRunner } from './execution/runner/dial-runner.ts';
import type { RunnerOpener } from './execution/runner/open-runner.ts';
import { childRunner, openedAhead } from './execution/runner/spawn-runner.ts';

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
  /** How it gets its connections; by itself unless a supervisor hands them over. */
  readonly serving?: Serving;
  /** Where a runner listens that its supervisor started for all; null or none: it starts one of its own. */
  readonly sharedRunnerPath?: string | null;
}

/** Starts everything, or takes down what it had started and rejects with an error that says what to do. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config } = options.loaded;
  const fellows = options.serving?.fellows ?? null;
  await using stack = new AsyncDisposableStack();
  const directory = takeDataDirectory(config, fellows !== null, stack);
  const opener = ownRunner(options, fellows, directory.instance);
  // It starts while this process loads the rest of itself, which takes as long.
  const runner = config.runners === null ? stack.use(openedAhead(opener)) : opener;
  const { composeApp } = await import('./app/compose.ts');
  const parts = await composeApp(options, { directory, runner }, stack);
  const owned = stack.move();
  return { ...parts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The runner where none is configured: a child of this process, or of the one that supervises it and its fellows. */
function ownRunner(
  { runnerCommand, runnerEnvironment, sharedRunnerPath = null }: AppOptions,
  fellows: Serving['fellows'],
  instance: string,
): RunnerOpener {
  if (sharedRunnerPath === null || fellows === null)
    return childRunner([...runnerCommand, '--instance', instance], runnerEnvironment);
  return sharedRunner({
    path: sharedRunnerPath,
    onSilent: () => fellows.tellSupervisor('runner.silent', null),
    outlivesApi: () => !fellows.isWholeStopping,
  });
}
