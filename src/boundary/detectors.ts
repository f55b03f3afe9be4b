/**
 * Every detector, in order of precedence where two hits cover the same text.
 * To add one, add an entry to a file of `secrets/` (or write a new file and list it here): id, format, source, examples.
 */
import type { Detector, LiteralDetector } from './detector.ts';
import { knownSecretEntry } from './known-secrets.ts';
import { awsDetectors } from './secrets/aws.ts';
import { bearerDetectors } from './secrets/bearer.ts';
import { githubDetectors } from './secrets/github.ts';
import { privateKeyDetectors } from './secrets/private-key.ts';
import { sallyportDetectors } from './secrets/sallyport.ts';
import { vendorDetectors } from './secrets/vendors.ts';
import { undecodedEntry } from './undecoded.ts';
import { unicodeDetectors } from './unicode/detectors.ts';

export const secretDetectors: readonly LiteralDetector[] = [
  ...privateKeyDetectors,
  ...sallyportDetectors,
  ...githubDetectors,
  ...awsDetectors,
  ...vendorDetectors,
  ...bearerDetectors,
];

export const detectors: readonly Detector[] = [
  knownSecretEntry,
  ...secretDetectors,
  undecodedEntry,
  ...unicodeDetectors,
];

/** What a `Boundary` resource may name. */
export const detectorIds: ReadonlySet<string> = new Set(detectors.map((detector) => detector.id));
