/** What profiles know to be harmless: nothing is done about it, and it is no finding. All profiles of a call have to say so. */
import type { Allowed, BoundaryProfile } from '../model/finding.ts';
import { exfiltrationDetectors } from './content/exfiltration.ts';
import type { Hit } from './scan-text.ts';

export type IsHarmless = (hit: Hit) => boolean;

export const nothingIsHarmless: IsHarmless = () => false;

export function harmless(profiles: readonly BoundaryProfile[]): IsHarmless {
  if (profiles.length === 0) return nothingIsHarmless;
  const judges = profiles.map(({ allow }) => judge(allow));
  if (judges.includes(nothingIsHarmless)) return nothingIsHarmless;
  return (hit) => judges.every((isHarmless) => isHarmless(hit));
}

const hasUrl = new Set(exfiltrationDetectors.map(({ id }) => id));

function judge({ hosts, texts }: Allowed): IsHarmless {
  if (hosts.length + texts.length === 0) return nothingIsHarmless;
  const known = new Set(texts.map(({ detector, text }) => JSON.stringify([detector, text])));
  return ({ detector, replacement }) => {
    if (replacement === null) return false;
    if (known.has(JSON.stringify([detector, replacement.secret]))) return true;
    return hasUrl.has(detector) && isAllowedHost(replacement.secret, hosts);
  };
}

/** As browsers read it: who stands before an `@`, or behind a backslash, is not the host. */
function isAllowedHost(url: string, hosts: readonly string[]): boolean {
  // What was found may reach over several URLs of one tag: the first does not speak for the others.
  if (hosts.length === 0 || /[\s"'<>]/.test(url) || !URL.canParse(url, 'https://nowhere.invalid'))
    return false;
  const { protocol, hostname } = new URL(url, 'https://nowhere.invalid');
  if (protocol !== 'https:' && protocol !== 'http:') return false;
  return hosts.some((host) => (host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host));
}
