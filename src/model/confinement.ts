/** How isolate workers can be shut in, weakest first: each name promises at least what the one before it does. */
export const confinementNames = ['process', 'container', 'bwrap'] as const;
export type ConfinementName = (typeof confinementNames)[number];

/** Whether a host whose isolates run under `has` (`none` where they cannot run) fulfils what a tool demands. */
export function fulfils(has: string, demanded: ConfinementName): boolean {
  return confinementNames.findIndex((name) => name === has) >= confinementNames.indexOf(demanded);
}
