/** Composition root of the api process: constructs its parts in order (`app/compose.ts`), and takes them down in reverse. */
import type { Serving } from './api/serving.ts';
import { joinDataDirectory, takeDataDirectory } from './app/data-directory.ts';
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
  /** Where a runner listens that its supervisor started for all; null or none: it starts one of its own. */
  readonly sharedRunnerPath?: string | null;
}

/** Starts everything, or takes down what it had started and rejects with an error that says what to do. */
export async function startApp(options: AppOptions): Promise<App> {
  const { loaded, runnerCommand, runnerEnvironment, serving, sharedRunnerPath = null } = options;
  const { config } = loaded;
  const fellows = serving?.fellows ?? null;
  await using stack = new AsyncDisposableStack();
  // Of several processes that serve together, their supervisor has it locked.
  const directory = fellows === null ? takeDataDirectory(config, stack) : joinDataDirectory(config);
  if (fellows !== null && sharedRunnerPath !== null) {
    const [{ composeApp }, { sharedRunner }] = await Promise.all([
      import('./app/compose.ts'),
      import('./execution/runner/dial-runner.ts'),
    ]);
    const runner = sharedRunner({
      path: sharedRunnerPath,
      onSilent: () => fellows.tellSupervisor('runner.silent', null),
      outlivesApi: () => !fellows.isWholeStopping,
    });
    return owned(await composeApp(options, { directory, runner }, stack), stack);
  }
  const opener = childRunner([...runnerCommand, '--instance', directory.instance], runnerEnvironment);
  // It starts while this process loads the rest of itself, which takes as long.
  const runner = config.runners === null ? stack.use(openedAhead(opener)) : opener;
  const { composeApp } = await import('./app/compose.ts');
  return owned(await composeApp(options, { directory, runner }, stack), stack);
}

function owned(parts: Omit<App, keyof AsyncDisposable>, stack: AsyncDisposableStack): App {
  const kept = stack.move();
  return { ...parts, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
