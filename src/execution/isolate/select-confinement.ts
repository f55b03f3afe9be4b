/** Which confinement is used: the strongest that proves itself here, or the one that was asked for and no other. */
import { confineWithBwrap } from './confine-bwrap.ts';
import { confineAsProcess } from './confine-process.ts';
import type { Confinement, ConfinementName } from './confinement.ts';
import type { Logger } from './logger.ts';
import { confinementObjection } from './self-test.ts';

export type ConfinementChoice = 'auto' | ConfinementName;

export type ConfinementSelection =
  | { readonly confinement: Confinement }
  /** Why none can be used, and what to do. */
  | { readonly objection: string };

/** Strongest first. */
const implementations: Readonly<Record<ConfinementName, () => Confinement>> = {
  bwrap: confineWithBwrap,
  process: confineAsProcess,
};

/** Tries in order; a confinement that fails its self-test is never used. */
export async function selectConfinement(
  choice: ConfinementChoice,
  addonPath: string,
  logger: Logger,
): Promise<ConfinementSelection> {
  const names = choice === 'auto' ? (Object.keys(implementations) as ConfinementName[]) : [choice];
  const objections: string[] = [];
  for (const name of names) {
    const confinement = implementations[name]();
    const objection = await confinementObjection(confinement, addonPath);
    if (objection === null) {
      const { protections, missing } = confinement;
      logger.info({ confinement: name, protections, missing }, 'isolate workers are confined');
      return { confinement };
    }
    objections.push(`${name}: ${objection}`);
    logger.warn({ confinement: name, objection }, 'this confinement cannot be used here');
  }
  return { objection: `no confinement of isolate workers works here (${objections.join('; ')})` };
}
