import type { Action, BoundaryProfile } from '../model/finding.ts';
import { detectors, everyDetector } from './detectors.ts';
import { strongest } from './findings.ts';

export type ActionOf = (detector: string) => Action;

/**
 * What each detector's hit leads to on the way out. Of several profiles the strictest counts, for each detector.
 * `custom`: ids of detectors that ops added; nothing is done about them where no profile says so.
 */
export function outboundActions(
  profiles: readonly BoundaryProfile[],
  custom: Iterable<string> = [],
): ActionOf {
  return resolve(profiles, 'outbound', (action) => action, custom);
}

/** The same on the way in, where what is checked is also what runs: nothing is rewritten, so it is flagged or blocked. */
export function inboundActions(
  profiles: readonly BoundaryProfile[],
  custom: Iterable<string> = [],
): ActionOf {
  const effective = (action: Action): Action => (action === 'wrap' || action === 'redact' ? 'flag' : action);
  return resolve(profiles, 'inbound', effective, custom);
}

/**
 * For copies that go to the record, to logs and to display: whatever can be a secret is taken out, also where it is only
 * flagged elsewhere. What a text says (addresses, orders to a model, pictures) is what an auditor must be able to read.
 */
export const redactEverything: ActionOf = (detector) => (readable.has(detector) ? 'allow' : 'redact');

const readable = new Set(
  detectors
    .filter(
      ({ family, outbound }) => family === 'injection' || family === 'exfiltration' || outbound === 'allow',
    )
    .map(({ id }) => id),
);

/** Which artifacts may leave; the strictest profile counts. */
export function artifactRule(profiles: readonly BoundaryProfile[]): BoundaryProfile['artifacts'] {
  const rules = new Set(profiles.map((profile) => profile.artifacts));
  if (rules.has('none')) return 'none';
  return rules.has('images') ? 'images' : 'any';
}

/** What of several profiles in a row was worked out before. */
interface Resolved {
  actionOf: ActionOf | null;
  readonly further: WeakMap<BoundaryProfile, Resolved>;
}

/** Works out the actions of the same profiles once: a call has a handful of profiles and some hundred detectors. */
export function remember(
  resolveActions: (profiles: readonly BoundaryProfile[]) => ActionOf,
): typeof resolveActions {
  const start: Resolved = { actionOf: null, further: new WeakMap() };
  return (profiles) => {
    let resolved = start;
    for (const profile of profiles) {
      let next = resolved.further.get(profile);
      if (next === undefined) {
        next = { actionOf: null, further: new WeakMap() };
        resolved.further.set(profile, next);
      }
      resolved = next;
    }
    return (resolved.actionOf ??= resolveActions(profiles));
  };
}

function resolve(
  profiles: readonly BoundaryProfile[],
  direction: 'inbound' | 'outbound',
  effective: (action: Action) => Action,
  custom: Iterable<string>,
): ActionOf {
  const byDetector = new Map<string, Action>();
  const added = [...custom].map((id) => ({ id, inbound: 'allow', outbound: 'allow' }) as const);
  for (const detector of [...added, ...detectors]) {
    const stated = profiles.map(({ [direction]: { detectors } }) => {
      const name = [detector.id, everyDetector].find((name) => Object.hasOwn(detectors, name));
      return name === undefined ? undefined : detectors[name];
    });
    const chosen = stated.map((action) => action ?? detector[direction]);
    const action = chosen.length === 0 ? detector[direction] : chosen.reduce(strongest);
    byDetector.set(detector.id, effective(action));
  }
  // A detector that is not in the list has no say over what it finds: closed. So blocks a decoy, whatever a profile says of `*`.
  return (detector) => byDetector.get(detector) ?? 'block';
}
