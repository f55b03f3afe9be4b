/** Composition root of the api process: constructs its parts in order, and takes them down in reverse. */
import { alone } from './api/serving.ts';
import type { Serving } from './api/serving.ts';
import { openCalls } from './app/calls.ts';
import { openDoor } from './app/door.ts';
import { layFoundation } from './app/foundation.ts';
import { knownDetectors, openPolicy } from './app/policy.ts';
import { recordStart, startCheckpoints } from './app/record.ts';
import { openRunners, readRunners, requireConfinement } from './app/runners.ts';
import { KeyRing } from './calls/key-ring.ts';
import { chooseFirstPolicy, findFiles } from './calls/policy/first-policy.ts';
import { PolicyWatch } from './calls/policy/policy-watch.ts';
import type { SessionDesk } from './calls/sessions/session-desk.ts';
import type { LoadedConfig } from './config/config.ts';
import { sharedRunner } from './execution/runner/dial-runner.ts';
import { childRunner } from './execution/runner/spawn-runner.ts';

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
export async function startApp({
  loaded,
  runnerCommand,
  runnerEnvironment,
  environment,
  serving = alone,
  sharedRunnerPath = null,
}: AppOptions): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const foundation = await layFoundation(loaded, serving, stack);
  const { clock, config, instance, logger, metrics, record, recordInBackground, version } = foundation;

  // Runners and policy speak of sessions before there are any.
  let sessions: SessionDesk | null = null;
  const finding = findFiles(config.policyDirs, knownDetectors);
  const choosing = finding.then((found) => chooseFirstPolicy(found, record, knownDetectors));
  let decidingUnder = (): Promise<string> => choosing.then(({ revision }) => revision.id);
  const { fellows } = serving;
  const ownRunner =
    sharedRunnerPath === null || fellows === null
      ? childRunner([...runnerCommand, '--instance', instance], runnerEnvironment)
      : sharedRunner({
          path: sharedRunnerPath,
          onSilent: () => fellows.tellSupervisor('runner.silent', null),
          outlivesApi: () => !fellows.isWholeStopping,
        });
  const opening = openRunners(config, ownRunner, {
    revision: () => decidingUnder(),
    logger,
    onLost: (reason) => {
      metrics.runnerLost();
      recordInBackground({ type: 'runner_lost', details: { reason } });
    },
    onServing: (name) => sessions?.runnerServes(name),
    onSessionEnded: (id, reason) => sessions?.ended(id, reason),
  });
  const [found, first, runners] = await Promise.all([finding, choosing, opening]);
  stack.use(runners);
  await requireConfinement(first.revision, runners);
  metrics.setRunners(async () => readRunners(await runners.state()));

  const onChange = (): void => sessions?.policyChanged();
  const policyParts = await openPolicy(foundation, { first, runners, environment, onChange });
  const { policy } = policyParts;
  decidingUnder = async () => policy.revision.id;
  const keys = new KeyRing({ record, clock });
  const claimed = first.files.kind === 'active' ? found.claimed : null;
  await recordStart(foundation, loaded, { keys, policy, claimed });
  stack.use(new PolicyWatch({ policy, holdRevision: (id) => runners.hold(id), logger }));
  stack.use(await startCheckpoints(foundation));

  const callParts = await openCalls(foundation, policyParts, runners, stack);
  ({ sessions } = callParts);
  const url = await openDoor(foundation, { keys, policyParts, callParts, runners }, stack);
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
