/** `Image` documents: the allowlist of what tools may run in, how much of it is kept warm, and its sessions. */
import type { Image, SessionPolicy, WarmPolicy } from '../../model/tool.ts';
import type { ImageResource, ImageSpec } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import { parseDurationMs, parseSizeBytes } from '../quantity.ts';
import type { Findings } from './findings.ts';

const mebibyte = 1024 * 1024;
const sessionLifetimeMsMax = 24 * 3_600_000;
const sessionDefaults = { idle: '10m', lifetime: '1h', perPrincipal: 2 } as const;
const sessionsPerTenant = 8;

export function compileImages(
  resources: readonly ImageResource[],
  findings: Findings,
): ReadonlyMap<string, Image> {
  const images = resources.map((resource): Image => {
    const { metadata, spec } = resource;
    const { build, digest = '', entry = 'json' } = spec;
    const source: Image['source'] =
      build === undefined ? { from: 'digest', reference: digest } : { from: 'local', folder: build };
    const warm = warmOf(spec, (message, hint) =>
      findings.error(resource.source, '/spec/warm/floor', message, hint),
    );
    const sessions = sessionsOf(spec, (field, message, hint) =>
      findings.error(resource.source, `/spec/sessions/${field}`, message, hint),
    );
    return deepFreeze({
      name: metadata.name,
      source,
      entry,
      ...(warm === null ? {} : { warm }),
      ...(sessions === null ? {} : { sessions }),
    });
  });
  return new Map(images.map((image) => [image.name, image]));
}

function warmOf({ warm }: ImageSpec, complain: (message: string, hint: string) => void): WarmPolicy | null {
  if (warm === undefined) return null;
  const { floor = 0, ceiling, memory } = warm;
  if (floor > ceiling) complain(`floor ${floor} is above ceiling ${ceiling}`, 'raise the ceiling');
  return { floor, ceiling, memoryMiB: parseSizeBytes(memory) / mebibyte };
}

function sessionsOf(
  { sessions }: ImageSpec,
  complain: (field: string, message: string, hint: string) => void,
): SessionPolicy | null {
  if (sessions === undefined) return null;
  const { idle, lifetime, perPrincipal } = { ...sessionDefaults, ...sessions };
  const { perTenant = Math.max(sessionsPerTenant, perPrincipal) } = sessions;
  const [idleMs, lifetimeMs] = [parseDurationMs(idle), parseDurationMs(lifetime)];
  if (lifetimeMs > sessionLifetimeMsMax) complain('lifetime', `${lifetime} is above 24h`, 'lower it');
  if (idleMs > lifetimeMs) complain('idle', `idle ${idle} is above lifetime ${lifetime}`, 'lower it');
  if (perPrincipal > perTenant)
    complain(
      'perPrincipal',
      `perPrincipal ${perPrincipal} is above perTenant ${perTenant}`,
      'raise perTenant',
    );
  return { idleMs, lifetimeMs, perPrincipal, perTenant };
}
