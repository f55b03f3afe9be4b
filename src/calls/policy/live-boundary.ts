/**
 * The filter of the revision that decides: it looks for the secrets of that revision's credentials. A secret that was
 * once looked for still is until the process ends, for results may hold it that were under way at the change; decoys
 * go with their revision, so that taking one out of policy ends what it blocks.
 */
import { createBoundary } from '../../boundary/boundary.ts';
import type { Boundary, BoundaryOptions } from '../../boundary/boundary.ts';
import type { KnownSecret } from '../../boundary/known-secrets.ts';
import type { CustomDetector } from '../../model/finding.ts';
import type { CredentialSource, Revision } from '../../policy/revision.ts';

/** Earlier secrets that are still looked for, the latest of them. */
const earlierMax = 64;

type Looked = Pick<Revision, 'credentials' | 'boundaries'>;

export interface LiveBoundaryOptions {
  readonly redactionKey: Uint8Array;
  /** Throws an error that names what is missing, and never a secret. */
  readonly readSecrets: (credentials: readonly CredentialSource[]) => readonly KnownSecret[];
  /** How long the filter took over a call's arguments, or over what it yielded. */
  readonly onFiltered?: (what: 'arguments' | 'output', seconds: number) => void;
}

export class LiveBoundary implements Boundary {
  readonly #options: LiveBoundaryOptions;
  #secrets: readonly KnownSecret[];
  #detectors: readonly CustomDetector[];
  #current: Boundary;

  /** Throws when a secret of the first revision cannot be read or looked for. */
  constructor(first: Looked, options: LiveBoundaryOptions) {
    this.#options = options;
    this.#secrets = options.readSecrets(first.credentials);
    this.#detectors = detectorsOf(first);
    this.#current = this.#build(this.#secrets, this.#detectors);
  }

  /** What puts the filter for a revision in force. Throws when it cannot be made; the one in force stays. */
  prepare(revision: Looked): () => void {
    const secrets = this.#withEarlier(this.#options.readSecrets(revision.credentials));
    const detectors = detectorsOf(revision);
    const hasSame = JSON.stringify(detectors) === JSON.stringify(this.#detectors);
    if (hasSame && isSame(secrets, this.#secrets)) return () => {};
    const next = this.#build(secrets, detectors);
    return () => {
      this.#current = next;
      this.#secrets = secrets;
      this.#detectors = detectors;
    };
  }

  /** What the filter in force was made of, for one on another thread. */
  get options(): BoundaryOptions {
    return {
      redactionKey: this.#options.redactionKey,
      knownSecrets: this.#secrets,
      detectors: this.#detectors,
    };
  }

  readonly checkArguments: Boundary['checkArguments'] = (args, profiles) =>
    this.#timed('arguments', () => this.#current.checkArguments(args, profiles));

  readonly filterOutput: Boundary['filterOutput'] = (output, profiles) =>
    this.#timed('output', () => this.#current.filterOutput(output, profiles));

  /** A stream keeps the filter that it began with. */
  readonly filterStream: Boundary['filterStream'] = (...options) => this.#current.filterStream(...options);

  readonly redactForRecord: Boundary['redactForRecord'] = (value) => this.#current.redactForRecord(value);

  readonly redactText: Boundary['redactText'] = (text) => this.#current.redactText(text);

  #timed<T>(what: 'arguments' | 'output', filter: () => T): T {
    const startedAt = performance.now();
    const filtered = filter();
    this.#options.onFiltered?.(what, (performance.now() - startedAt) / 1000);
    return filtered;
  }

  #build(knownSecrets: readonly KnownSecret[], detectors: readonly CustomDetector[]): Boundary {
    return createBoundary({ redactionKey: this.#options.redactionKey, knownSecrets, detectors });
  }

  #withEarlier(secrets: readonly KnownSecret[]): readonly KnownSecret[] {
    const known = new Set(secrets.map(({ secret }) => secret));
    const earlier = this.#secrets.filter(({ secret, isDecoy }) => isDecoy !== true && !known.has(secret));
    return [...secrets, ...earlier.slice(0, earlierMax)];
  }
}

function detectorsOf({ boundaries }: Looked): readonly CustomDetector[] {
  return [...boundaries.values()].flatMap(({ detectors }) => detectors);
}

function isSame(some: readonly KnownSecret[], others: readonly KnownSecret[]): boolean {
  const show = (secrets: readonly KnownSecret[]): string =>
    secrets
      .map(({ id, secret, isDecoy }) => JSON.stringify([id, secret, isDecoy === true]))
      .toSorted()
      .join('\n');
  return show(some) === show(others);
}
