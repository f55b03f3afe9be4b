/** Which confinement is used: the strongest that proves itself here, or the one that was asked for and no other. */
import { confinementNames } from '../../model/confinement.ts';
import type { ConfinementName } from '../../model/confinement.ts';
import type { WorkerCgroups } from './cgroup/worker-cgroups.ts';
import { confineWithBwrap } from './confine-bwrap.ts';
import { confineAsProcess } from './confine-process.ts';
import { workerProgram } from './confinement.ts';
import type { Confinement } from './confinement.ts';
import type { Logger } from './logger.ts';
import { testConfinement } from './self-test.ts';

export type ConfinementChoice = 'auto' | ConfinementName;

/** A confinement that was proved here, with what was proved of it. */
export interface ProvedConfinement {
  readonly confinement: Confinement;
  readonly protections: readonly string[];
  /** What this host lacks, and claims that could not be proved. */
  readonly missing: readonly string[];
}

export type ConfinementSelection =
  | (ProvedConfinement & {
      /** Why no stronger one is used; null when there is none stronger, or it was not asked for. */
      readonly objection: string | null;
    })
  /** Why none can be used, and what to do. */
  | { readonly confinement: null; readonly objection: string };

/** Gives the confinement by containers; the engine's client is not of this room. Rejects with why there is none. */
export type ContainerConfinementSource = () => Promise<Confinement>;

export interface SelectionOptions {
  readonly choice: ConfinementChoice;
  readonly addonPath: string;
  readonly confineInContainer: ContainerConfinementSource;
  readonly cgroups: WorkerCgroups;
  readonly logger: Logger;
}

/** A confinement that was proved here. Throws, with why, when it cannot be had. */
export async function provedConfinement(
  name: ConfinementName,
  { addonPath, cgroups, confineInContainer }: Omit<SelectionOptions, 'choice' | 'logger'>,
): Promise<ProvedConfinement> {
  const host = { cgroups, readable: workerProgram(addonPath).readable };
  const variants = {
    bwrap: () => confineWithBwrap(host),
    container: async () => [await confineInContainer()],
    process: () => confineAsProcess(host),
  } satisfies Record<ConfinementName, unknown>;
  const objections: string[] = [];
  for (const confinement of await variants[name]()) {
    const { objection, protections, missing } = await testConfinement(confinement, addonPath);
    if (objection === null) return { confinement, protections, missing };
    objections.push(objection);
  }
  throw new Error([...new Set(objections)].join('; then '));
}

/** Tries in order; a confinement that fails its self-test is never used. */
export async function selectConfinement(options: SelectionOptions): Promise<ConfinementSelection> {
  const { choice, logger } = options;
  const objections: string[] = [];
  for (const name of choice === 'auto' ? confinementNames.toReversed() : [choice]) {
    try {
      const proved = await provedConfinement(name, options);
      return { ...proved, objection: objections.length === 0 ? null : objections.join('; ') };
    } catch (error) {
      const objection = error instanceof Error ? error.message : String(error);
      objections.push(`${name}: ${objection}`);
      logger.warn({ confinement: name, objection }, 'this confinement cannot be used here');
    }
  }
  return {
    confinement: null,
    objection: `no confinement of isolate workers works here (${objections.join('; ')})`,
  };
}
