/**
 * Every detector, in order of precedence where two hits cover the same text.
 * To add one, add an entry to a file of `secrets/` (or write a new file and list it here): id, format, source, examples.
 */
import { exfiltrationDetectors } from './content/exfiltration.ts';
import { injectionEntry, injectionSigns } from './content/injection.ts';
import type { Detector, LiteralDetector, NumberDetector } from './detector.ts';
import { knownSecretEntry } from './known-secrets.ts';
import { emailAddress, namesTelephone, phoneNumber } from './pii/contact.ts';
import { iban } from './pii/iban.ts';
import { idStems, telephoneStems, wordsAtEnd } from './pii/named-numbers.ts';
import { namedIds, nationalId } from './pii/national-id.ts';
import { paymentCard } from './pii/payment-card.ts';
import { awsDetectors } from './secrets/aws.ts';
import { bearerDetectors } from './secrets/bearer.ts';
import { clientFileDetectors } from './secrets/client-files.ts';
import { connectionDetectors } from './secrets/connection.ts';
import { genericDetectors } from './secrets/generic.ts';
import { githubDetectors } from './secrets/github.ts';
import { privateKeyDetectors } from './secrets/private-key.ts';
import { sallyportDetectors } from './secrets/sallyport.ts';
import { vendorDetectors } from './secrets/vendors.ts';
import { aiDetectors } from './secrets/vendors/ai.ts';
import { cloudDetectors } from './secrets/vendors/cloud.ts';
import { codeHostingDetectors } from './secrets/vendors/code-hosting.ts';
import { databaseDetectors } from './secrets/vendors/databases.ts';
import { identityDetectors } from './secrets/vendors/identity.ts';
import { messagingDetectors } from './secrets/vendors/messaging.ts';
import { microsoftDetectors } from './secrets/vendors/microsoft.ts';
import { monitoringDetectors } from './secrets/vendors/monitoring.ts';
import { namedDetectors } from './secrets/vendors/named.ts';
import { paymentDetectors } from './secrets/vendors/payment.ts';
import { productivityDetectors } from './secrets/vendors/productivity.ts';
import { undecodedEntry } from './undecoded.ts';
import { unicodeDetectors } from './unicode/detectors.ts';

export const secretDetectors: readonly LiteralDetector[] = [
  ...privateKeyDetectors,
  ...sallyportDetectors,
  ...githubDetectors,
  ...awsDetectors,
  ...vendorDetectors,
  ...aiDetectors,
  ...cloudDetectors,
  ...codeHostingDetectors,
  ...databaseDetectors,
  ...identityDetectors,
  ...messagingDetectors,
  ...microsoftDetectors,
  ...monitoringDetectors,
  ...paymentDetectors,
  ...productivityDetectors,
  ...namedDetectors,
  ...bearerDetectors,
  ...connectionDetectors,
  ...clientFileDetectors,
  ...genericDetectors,
];

/** What the scanner of literals looks for beside the known secrets. */
export const literalDetectors: readonly LiteralDetector[] = [
  ...secretDetectors,
  emailAddress,
  ...exfiltrationDetectors,
  ...injectionSigns,
];

export const numberDetectors: readonly NumberDetector[] = [paymentCard, iban, nationalId, phoneNumber];

/** Whether a name in the text gives away a number that follows it. */
export function namesNumber(text: string): boolean {
  return namedNumbers(text) !== '';
}

/** Which numbers those are; equal for texts that give away the same, empty for none. */
export function namedNumbers(text: string): string {
  const words = wordsAtEnd(text);
  const ids = idStems.test(words) ? namedIds(words) : [];
  return [...ids, ...(telephoneStems.test(words) && namesTelephone(words) ? [phoneNumber.id] : [])].join(' ');
}

export const detectors: readonly Detector[] = [
  knownSecretEntry,
  ...secretDetectors,
  ...numberDetectors,
  emailAddress,
  ...exfiltrationDetectors,
  injectionEntry,
  undecodedEntry,
  ...unicodeDetectors,
];

/** In a `Boundary` resource, every detector that it does not name itself. */
export const everyDetector = '*';

/** What a `Boundary` resource may name. */
export const detectorIds: ReadonlySet<string> = new Set([
  everyDetector,
  ...detectors.map((detector) => detector.id),
]);
