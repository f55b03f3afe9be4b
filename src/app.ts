/** Composition root of the api process: constructs its parts in order (`app/compose.ts`), and takes them down in reverse. */
import type { Serving } from './api/serving.ts';
import { takeDataDirectory } from './app/data-directory.ts';
import type { LoadedConfig } from './config/config.ts';
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
}

/** Starts everything, or takes down what it had started and rejects with an error that says what to do. */
export async function startApp(options: AppOptions): Promise<App> {
  const { loaded, runnerCommand, runnerEnvironment } = options;
  const { config } = loaded;
  await using stack = new AsyncDisposableStack();
  const directory = takeDataDirectory(config, stack);
  const opener = childRunner([...runnerCommand, '--instance', directory.instance], runnerEnvironment);
  // It starts while this process loads the rest of itself, which takes as long.
  const child = config.runners === null ? stack.use(openedAhead(opener)) : opener;
  const { composeApp } = await import('./app/compose.ts');
  const parts = await composeApp(options, { directory, child }, stack);
  const owned = stack.move();
  return { ...parts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
