/** `Image` documents: the allowlist of what tools may run in, and how much of it is kept warm. */
import type { Image, WarmPolicy } from '../../model/tool.ts';
import type { ImageResource, ImageSpec } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import { parseSizeBytes } from '../quantity.ts';
import type { Findings } from './findings.ts';

const mebibyte = 1024 * 1024;

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
    return deepFreeze({ name: metadata.name, source, entry, ...(warm === null ? {} : { warm }) });
  });
  return new Map(images.map((image) => [image.name, image]));
}

function warmOf({ warm }: ImageSpec, complain: (message: string, hint: string) => void): WarmPolicy | null {
  if (warm === undefined) return null;
  const { floor = 0, ceiling, memory } = warm;
  if (floor > ceiling) complain(`floor ${floor} is above ceiling ${ceiling}`, 'raise the ceiling');
  return { floor, ceiling, memoryMiB: parseSizeBytes(memory) / mebibyte };
}
