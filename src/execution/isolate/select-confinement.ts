/** Which confinement is used: the strongest that proves itself here, or the one that was asked for and no other. */
import { confineWithBwrap } from './confine-bwrap.ts';
import { confineAsProcess } from './confine-process.ts';
import type { Confinement, ConfinementName } from './confinement.ts';
import type { Logger } from './logger.ts';
import { confinementObjection } from './self-test.ts';

export type ConfinementChoice = 'auto' | ConfinementName;

export type ConfinementSelection =
  | {
      readonly confinement: Confinement;
      /** Why no stronger one is used; null when there is none stronger, or it was not asked for. */
      readonly objection: string | null;
    }
  /** Why none can be used, and what to do. */
  | { readonly confinement: null; readonly objection: string };

/** Gives the confinement by containers; the engine's client is not of this room. Rejects with why there is none. */
export type ContainerConfinementSource = () => Promise<Confinement>;

export interface SelectionOptions {
  readonly choice: ConfinementChoice;
  readonly addonPath: string;
  readonly confineInContainer: ContainerConfinementSource;
  readonly logger: Logger;
}

/** Strongest first. */
export const confinementNames = ['bwrap', 'container', 'process'] as const;

/** A confinement that was proved here. Throws, with why, when it cannot be had. */
export async function provedConfinement(
  name: ConfinementName,
  addonPath: string,
  confineInContainer: ContainerConfinementSource,
): Promise<Confinement> {
  const implementations = {
    bwrap: confineWithBwrap,
    container: confineInContainer,
    process: confineAsProcess,
  } satisfies Record<ConfinementName, unknown>;
  const confinement = await implementations[name]();
  const objection = await confinementObjection(confinement, addonPath);
  if (objection !== null) throw new Error(objection);
  return confinement;
}

/** Tries in order; a confinement that fails its self-test is never used. */
export async function selectConfinement(options: SelectionOptions): Promise<ConfinementSelection> {
  const { addonPath, choice, confineInContainer, logger } = options;
  const objections: string[] = [];
  for (const name of choice === 'auto' ? confinementNames : [choice]) {
    try {
      const confinement = await provedConfinement(name, addonPath, confineInContainer);
      const { protections, missing } = confinement;
      logger.info({ confinement: name, protections, missing }, 'isolate workers are confined');
      return { confinement, objection: objections.length === 0 ? null : objections.join('; ') };
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
