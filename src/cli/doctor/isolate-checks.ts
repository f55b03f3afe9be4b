/** What confines isolate workers here: each confinement launches a worker that tries to break out. */
import { randomUUID } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { confineInContainer } from '../../execution/container/confine-in-container.ts';
import { WorkerCgroups } from '../../execution/isolate/cgroup/worker-cgroups.ts';
import { provedConfinement } from '../../execution/isolate/select-confinement.ts';
import { confinementNames } from '../../model/confinement.ts';
import type { ConfinementName } from '../../model/confinement.ts';
import { bwrapRemedies, engineRemedies, withRemedy } from './remedies.ts';
import { reasonOf } from '../reason-of.ts';
import { failed, ok, warning } from './report.ts';
import type { Check, RuntimeFinding } from './report.ts';

export interface IsolateGround {
  readonly config: Config;
  readonly imagesDirectory: string;
  readonly addonPath: string;
}

const quiet = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };
/** Enough for a worker that serves no call. */
const probeMemoryMiB = 64;

/** Strongest first. */
export async function examineIsolates(ground: IsolateGround): Promise<RuntimeFinding[]> {
  const findings: RuntimeFinding[] = [];
  for (const name of confinementNames.toReversed()) findings.push(await examine(name, ground));
  const { isolateConfinement } = ground.config;
  const used = findings.find(
    ({ confinement, state }) =>
      state === 'works' && (isolateConfinement === 'auto' || isolateConfinement === confinement),
  );
  return findings.map((finding) => ({ ...finding, isUsed: finding === used }));
}

async function examine(
  name: ConfinementName,
  { addonPath, config, imagesDirectory }: IsolateGround,
): Promise<RuntimeFinding> {
  const common = { kind: 'isolate', confinement: name, isUsed: false } as const;
  await using stack = new AsyncDisposableStack();
  try {
    const { missing, protections } = await provedConfinement(name, {
      addonPath,
      cgroups: stack.use(WorkerCgroups.open()),
      confineInContainer: async () =>
        stack.use(
          await confineInContainer({
            dockerHost: config.dockerHost,
            instance: `doctor-${randomUUID()}`,
            live: new Set(),
            imagesDirectory,
            guestMemoryMiBMax: () => probeMemoryMiB,
            engineRuntime: 'runc',
            clock: { now: () => Date.now() },
            logger: quiet,
          }),
        ),
    });
    return {
      ...common,
      state: 'works',
      protections,
      missing: missing.map(withRemedy),
      reason: null,
      remedies: [],
    };
  } catch (error) {
    const reason = reasonOf(error);
    return {
      ...common,
      state: 'unavailable',
      protections: [],
      missing: [],
      reason,
      remedies: remediesOf(name, reason),
    };
  }
}

export function judgeIsolates(findings: readonly RuntimeFinding[], { isolateConfinement }: Config): Check {
  const isolates = findings.filter(({ kind }) => kind === 'isolate');
  const used = isolates.find(({ isUsed }) => isUsed);
  const remedies = isolates
    .filter(({ confinement }) => isolateConfinement === 'auto' || isolateConfinement === confinement)
    .flatMap((finding) => finding.remedies);
  if (used === undefined) {
    const asked =
      isolateConfinement === 'auto' ? 'no confinement works' : `${isolateConfinement} does not work`;
    return failed('isolates', `${asked} here: no isolate tool can be called`, ...remedies);
  }
  if (used.confinement !== 'process') return ok('isolates', used.confinement);
  const found = "nothing but Node's permission model is around the workers: for development only";
  return isolateConfinement === 'process'
    ? warning('isolates', `${found}, as asked`, 'SALLYPORT_ISOLATE_CONFINEMENT=auto takes the strongest')
    : failed('isolates', found, ...remedies);
}

function remediesOf(name: ConfinementName, reason: string): readonly string[] {
  switch (name) {
    case 'bwrap':
      return bwrapRemedies();
    case 'container':
      return reason.includes('images build isolate') ? ['sallyport images build isolate'] : engineRemedies;
    case 'process':
      return [];
  }
}
