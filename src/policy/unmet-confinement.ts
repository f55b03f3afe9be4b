import { fulfils } from '../model/confinement.ts';
import type { Revision } from './revision.ts';

/** Which tools demand more than the confinement `has` of isolate workers, in words; null when none does. */
export function findUnmetConfinement({ tools }: Revision, has: string): string | null {
  const unmet = [...tools.values()].flatMap(({ name, runtime }) =>
    runtime.kind === 'isolate' && !fulfils(has, runtime.minConfinement)
      ? [`${name} (${runtime.minConfinement})`]
      : [],
  );
  if (unmet.length === 0) return null;
  return `these tools demand a stronger confinement than ${has}, which isolates of this host have: ${unmet.join(', ')}`;
}

/** Whether any tool demands more than what every host has. */
export function demandsConfinement({ tools }: Revision): boolean {
  return tools
    .values()
    .some(({ runtime }) => runtime.kind === 'isolate' && !fulfils('process', runtime.minConfinement));
}
