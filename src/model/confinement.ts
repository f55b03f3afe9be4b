/** How isolate workers can be shut in, weakest first: each name promises at least what the one before it does. */
export const confinementNames = ['process', 'container', 'bwrap'] as const;
export type ConfinementName = (typeof confinementNames)[number];

/** Whether a host whose isolates run under `has` (`none` where they cannot run) fulfils what a tool demands. */
export function fulfils(has: string, demanded: ConfinementName): boolean {
  return confinementNames.findIndex((name) => name === has) >= confinementNames.indexOf(demanded);
}

/** What a container's confinement is described with. Closed lists: such words leave a runner without being filtered. */
export const containerConfinementWords = [
  'runc',
  'runsc',
  'seccomp',
  'no network',
  'read-only',
  'uid 65534',
] as const;
export type ContainerConfinementWord = (typeof containerConfinementWords)[number];

export function isIsolateConfinement(text: string): boolean {
  return confinementNames.some((name) => name === text);
}

/** Some of the words, each at most once. */
export function isContainerConfinement(text: string): boolean {
  const words = text.split(', ');
  return (
    new Set(words).size === words.length &&
    words.every((word) => containerConfinementWords.some((known) => known === word))
  );
}
