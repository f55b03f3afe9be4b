/** The runners of this process: those that are configured, else a child of its own. */
import { ConfigInvalid } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { readTlsIdentity } from '../config/tls-identity.ts';
import { remoteRunner } from '../execution/runner/dial-runner.ts';
import type { RunnerOpener } from '../execution/runner/open-runner.ts';
import { parseRunnerAddress } from '../execution/runner/runner-address.ts';
import type { RunnerAddress } from '../execution/runner/runner-address.ts';
import { RunnerConnection } from '../execution/runner/runner-connection.ts';
import type { RunnerConnectionOptions, RunnerState } from '../execution/runner/runner-connection.ts';
import { RunnerGroup } from '../execution/runner/runner-group.ts';
import type { Revision } from '../policy/revision.ts';
import { demandsConfinement, findUnmetConfinement } from '../policy/unmet-confinement.ts';
import type { RunnerReading } from '../telemetry/metrics/runner-metrics.ts';

/** The runners that are configured, else a child of this process, which must be there before anything is served. */
export async function openRunners(
  config: Config,
  child: RunnerOpener,
  options: Omit<RunnerConnectionOptions, 'opener'>,
): Promise<RunnerGroup> {
  if (config.runners === null)
    return new RunnerGroup([await RunnerConnection.start({ ...options, opener: child })]);
  const addresses = config.runners.map(runnerAddress);
  const tls = readTlsIdentity(config);
  if (tls === null && config.runners.some((text) => text.startsWith('tls:')))
    throw new ConfigInvalid([
      'SALLYPORT_RUNNER names a tls:// address: set SALLYPORT_RUNNER_TLS_CERT, _KEY and _CA',
    ]);
  const openers = addresses.map((address) => remoteRunner(address, tls));
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

/**
 * A tool that demands more than this host has is a reason not to start; later its calls alone are refused. A runner
 * elsewhere that is not there yet says nothing now: what it cannot fulfil, it refuses call by call.
 */
export async function requireConfinement(revision: Revision, runners: RunnerGroup): Promise<void> {
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

/** What runners say of themselves in words, which `/ready` shows to everybody, without secrets. */
export function redactStates(
  states: readonly RunnerState[],
  redactText: (text: string) => string,
): readonly RunnerState[] {
  return states.map((state) => ({
    ...state,
    reason: state.reason === null ? null : redactText(state.reason),
    health:
      state.health === null
        ? null
        : {
            ...state.health,
            executors: state.health.executors.map(({ missing, protections, ...executor }) => ({
              ...executor,
              reason: executor.reason === null ? null : redactText(executor.reason),
              ...(missing === undefined ? {} : { missing: missing.map(redactText) }),
              ...(protections === undefined ? {} : { protections: protections.map(redactText) }),
            })),
          },
  }));
}

export function readRunners(runners: readonly RunnerState[]): RunnerReading {
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
