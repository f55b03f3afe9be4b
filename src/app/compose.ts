/** Constructs the parts of the api process in order. Its first steps are in `app.ts`. */
import { openCalls } from './calls.ts';
import { openDoor } from './door.ts';
import { layFoundation } from './foundation.ts';
import { knownDetectors, openPolicy } from './policy.ts';
import { recordStart, startCheckpoints } from './record.ts';
import { openRunners, readRunners, requireConfinement } from './runners.ts';
import { KeyRing } from '../calls/key-ring.ts';
import { chooseFirstPolicy, findFiles } from '../calls/policy/first-policy.ts';
import { PolicyWatch } from '../calls/policy/policy-watch.ts';
import type { SessionDesk } from '../calls/sessions/session-desk.ts';
import type { App, AppOptions } from '../app.ts';
import { alone } from '../api/serving.ts';
import type { RunnerOpener } from '../execution/runner/open-runner.ts';
import type { DataDirectory } from './data-directory.ts';

/** What was done before this was loaded. */
export interface FirstSteps {
  readonly directory: DataDirectory;
  /** Opens the runner where none is configured. */
  readonly runner: RunnerOpener;
}

/** Puts what it constructs on the stack. */
export async function composeApp(
  { loaded, environment, serving = alone }: AppOptions,
  { directory, runner }: FirstSteps,
  stack: AsyncDisposableStack,
): Promise<Omit<App, keyof AsyncDisposable>> {
  const foundation = await layFoundation(loaded, { environment, serving, directory }, stack);
  const { clock, config, logger, metrics, record, recordInBackground, version } = foundation;

  // Runners and policy speak of sessions before there are any.
  let sessions: SessionDesk | null = null;
  const finding = findFiles(config.policyDirs, knownDetectors);
  const choosing = finding.then((found) => chooseFirstPolicy(found, record, knownDetectors));
  let decidingUnder = (): Promise<string> => choosing.then(({ revision }) => revision.id);
  const opening = openRunners(config, runner, {
    revision: () => decidingUnder(),
    logger,
    onLost: (reason) => {
      metrics.runnerLost();
      recordInBackground({ type: 'runner_lost', details: { reason } });
    },
    onServing: (name) => sessions?.runnerServes(name),
    onSessionEnded: (id, reason) => sessions?.ended(id, reason),
    onOrphans: (name, containers) =>
      recordInBackground({
        type: 'sandbox_orphan_removed',
        details: { runner: name, containers: [...containers] },
      }),
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
  return {
    url,
    async reloadPolicy() {
      try {
        await policy.reload('signal', null);
      } catch (error) {
        logger.error({ err: error }, 'the policy files could not be taken up');
      }
    },
  };
}
