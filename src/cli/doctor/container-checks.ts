/** The engine, its runtimes and images, and what a container under each runtime proves from inside. */
import { randomUUID } from 'node:crypto';
import { prepareCgroupParent } from '../../execution/container/cgroup-parent.ts';
import { createContainerExecutor } from '../../execution/container/container-executor.ts';
import { Engine } from '../../execution/container/engine.ts';
import type { EngineFacts } from '../../execution/container/engine.ts';
import { toolImagePlan } from '../../execution/container/image-plan.ts';
import { examineHardening } from '../../execution/container/hardening.ts';
import { findPlanned } from '../../execution/container/images.ts';
import { runcWarning, runscWarning } from '../../execution/container/runtime-versions.ts';
import { containerObjection } from '../../execution/container/self-test.ts';
import type { EngineRuntime } from '../../model/tool.ts';
import type { Revision } from '../../policy/revision.ts';
import { engineRemedies, runscRemedies, withRemedy } from './remedies.ts';
import { reasonOf } from '../reason-of.ts';
import { failed, ok, warning } from './report.ts';
import type { Check, RuntimeFinding } from './report.ts';

export interface ContainerGround {
  readonly dockerHost: string | null;
  readonly imagesDirectory: string;
  /** Null when the policy does not compile. */
  readonly revision: Revision | null;
}

const quiet = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };
const runtimes: readonly EngineRuntime[] = ['runc', 'runsc'];

/** Engine runtimes that tools of this policy ask for. */
function neededRuntimes(revision: Revision | null): ReadonlySet<EngineRuntime> {
  if (revision === null) return new Set(['runc']);
  const tools = [...revision.tools.values()].map(({ runtime }) => runtime);
  return new Set(tools.flatMap((runtime) => (runtime.kind === 'container' ? [runtime.engineRuntime] : [])));
}

export async function checkEngine({ dockerHost, revision }: ContainerGround): Promise<Check> {
  try {
    const { apiVersion, version } = await new Engine(dockerHost).ping();
    return ok('engine', `${version}, API ${apiVersion}, at ${new Engine(dockerHost).address}`);
  } catch (error) {
    const isNeeded = neededRuntimes(revision).size > 0;
    return (isNeeded ? failed : warning)('engine', reasonOf(error), ...engineRemedies);
  }
}

/** Only for an engine that answers. */
export async function checkVersions({ dockerHost }: ContainerGround): Promise<Check[]> {
  const facts = await new Engine(dockerHost).facts();
  return [checkRunc(facts), ...(facts.runscPath === null ? [] : [checkRunsc(facts)])];
}

function checkRunc({ runcVersion }: EngineFacts): Check {
  if (runcVersion === null) return warning('runc', 'the engine does not tell its version');
  const objection = runcWarning(runcVersion);
  if (objection === null) return ok('runc', runcVersion);
  return warning(
    'runc',
    objection,
    'apt-get install --only-upgrade runc; "apt changelog runc" says which of these the distribution patched',
  );
}

function checkRunsc({ runscRelease }: EngineFacts): Check {
  const objection = runscWarning(runscRelease);
  if (objection === null) return ok('runsc', runscRelease ?? '');
  return warning('runsc', objection, ...runscRemedies.slice(0, 1));
}

/** Only for an engine that answers. */
export async function checkImages({
  dockerHost,
  imagesDirectory,
  revision,
}: ContainerGround): Promise<Check> {
  const engine = new Engine(dockerHost);
  const named = [...(revision?.images.values() ?? [])].flatMap(({ source }) =>
    source.from === 'local' ? [source.folder] : [],
  );
  const found = await Promise.all(
    named.map(async (folder) => await findPlanned(engine, toolImagePlan(imagesDirectory, folder))),
  );
  const missing = found.filter(({ imageId }) => imageId === null).map(({ folder }) => folder);
  if (missing.length === 0) return ok('images', named.length === 0 ? 'policy names none' : named.join(', '));
  return failed('images', `not built: ${missing.join(', ')}`, `sallyport images build ${missing.join(' ')}`);
}

/** Starts a container under each runtime, if the engine has it; `isDeep`: and one more, which tries everything. */
export async function examineContainers(ground: ContainerGround, isDeep: boolean): Promise<RuntimeFinding[]> {
  const { dockerHost, imagesDirectory, revision } = ground;
  await using executor = createContainerExecutor({
    dockerHost,
    imagesDirectory,
    instance: `doctor-${randomUUID()}`,
    clock: { now: () => Date.now() },
    logger: quiet,
  });
  const needed = neededRuntimes(revision);
  const facts = await new Engine(dockerHost).facts().catch(() => null);
  const findings: RuntimeFinding[] = [];
  for (const runtime of runtimes) {
    const reason =
      facts !== null && !facts.runtimes.includes(runtime)
        ? `the engine has no runtime ${runtime}`
        : await containerObjection(executor, runtime);
    const works = reason === null;
    const hardening = works && isDeep ? await examineHardening(executor, runtime) : null;
    findings.push({
      kind: 'container',
      confinement: runtime,
      state: works ? 'works' : 'unavailable',
      isUsed: works && needed.has(runtime),
      protections: works ? protectionsOf(runtime) : [],
      missing: works && facts !== null ? (await gapsOf(facts)).map(withRemedy) : [],
      ...(hardening === null ? {} : { hardening }),
      reason,
      remedies: works ? [] : remediesOf(runtime, facts),
    });
  }
  return findings;
}

export function judgeContainers(findings: readonly RuntimeFinding[], revision: Revision | null): Check {
  const needed = neededRuntimes(revision);
  const containers = findings.filter(({ kind }) => kind === 'container');
  const broken = containers.filter(
    ({ confinement, state }) => state === 'unavailable' && needed.has(confinement as EngineRuntime),
  );
  if (needed.size === 0) return ok('containers', 'no tool of this policy runs in one');
  if (broken.length === 0) return ok('containers', [...needed].join(', '));
  return failed(
    'containers',
    broken.map(({ confinement, reason }) => `${confinement}: ${reason}`).join('; '),
    ...broken.flatMap(({ remedies }) => remedies),
  );
}

/** One line of how far the used runtimes hold; null where none was looked at. */
export function judgeHardening(findings: readonly RuntimeFinding[]): Check | null {
  const scored = findings.flatMap(({ confinement, hardening, isUsed }) =>
    hardening === undefined ? [] : [{ confinement, isUsed, ...hardening }],
  );
  if (scored.length === 0) return null;
  const found = scored
    .map(({ confinement, held, open }) => `${confinement} ${held.length} of ${held.length + open.length}`)
    .join(', ');
  const isOpen = scored.some(({ isUsed, open }) => isUsed && open.length > 0);
  return isOpen ? warning('hardening', found) : ok('hardening', found);
}

async function gapsOf(facts: EngineFacts): Promise<string[]> {
  const { reason } = await prepareCgroupParent(facts);
  return [...facts.warnings, ...(reason === null ? [] : [`no total memory limit: ${reason}`])];
}

function protectionsOf(runtime: EngineRuntime): string[] {
  const common = [
    'no network',
    'read-only root',
    'user 65534',
    'no capabilities',
    'cgroups of its own for memory, processes and CPU',
    'one container a call',
  ];
  return runtime === 'runsc'
    ? ['a kernel of its own (gVisor)', ...common]
    : [...common, 'no_new_privs', 'seccomp allow list', 'no user namespaces'];
}

function remediesOf(runtime: EngineRuntime, facts: EngineFacts | null): readonly string[] {
  if (facts === null) return engineRemedies;
  if (facts.runtimes.includes(runtime)) return ['sallyport images build shell, if it is not built'];
  return runtime === 'runsc' ? runscRemedies : ['apt-get install runc, and restart the engine'];
}
