/**
 * From an `Image` of policy to the id of an image that the engine has. Nothing is built or pulled during a call:
 * `buildImage` is an operator's command, and an image that is missing is named together with that command.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { NotStarted } from '../executor.ts';
import type { Image } from '../../model/tool.ts';
import { bounded, statusOf } from './engine.ts';
import type { Engine } from './engine.ts';

/** The folder that every image's build also takes its supervisor from. */
const supervisorFolder = 'supervisor';
const folderPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const digestPattern = /^([a-z0-9][a-z0-9._/:-]{0,254}@)?sha256:[0-9a-f]{64}$/;
const folderDepthMax = 8;

export interface LocalImage {
  readonly folder: string;
  readonly tag: string;
  /** Null when it was not built, or before its folder changed. */
  readonly imageId: string | null;
  readonly sizeBytes: number | null;
}

/**
 * The tag of the image that the folder would build now: it names the content of folder and supervisor.
 * Throws RangeError on a folder that is none.
 */
export function localTag(imagesDirectory: string, folder: string): string {
  if (!folderPattern.test(folder) || folder === supervisorFolder) {
    throw new RangeError(`image folder ${JSON.stringify(folder)}: lower-case letters, digits and hyphens`);
  }
  const hash = createHash('sha256');
  for (const file of [
    ...listFiles(imagesDirectory, folder),
    ...listFiles(imagesDirectory, supervisorFolder),
  ]) {
    const content = readFileSync(path.join(imagesDirectory, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return `sallyport/${folder}:${hash.digest('hex').slice(0, 12)}`;
}

/** The id of an image's local copy. Throws NotStarted (`runtime_unavailable`) when there is none. */
export async function resolveImage(engine: Engine, imagesDirectory: string, image: Image): Promise<string> {
  const reference = referenceOf(imagesDirectory, image);
  const found = await findImage(engine, reference);
  if (found !== null) return found.id;
  throw new NotStarted(
    'runtime_unavailable',
    image.source.from === 'local'
      ? `image ${image.name} is not built: run \`sallyport images build ${image.source.folder}\``
      : `image ${image.name} is not on this engine: run \`docker pull ${image.source.reference}\``,
  );
}

/** All folders that can be built, and whether they were. */
export async function listImages(engine: Engine, imagesDirectory: string): Promise<LocalImage[]> {
  const folders = readdirSync(imagesDirectory, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && entry.name !== supervisorFolder && folderPattern.test(entry.name),
    )
    .map((entry) => entry.name)
    .sort();
  const images: LocalImage[] = [];
  for (const folder of folders) {
    const tag = localTag(imagesDirectory, folder);
    const found = await findImage(engine, tag);
    images.push({ folder, tag, imageId: found?.id ?? null, sizeBytes: found?.sizeBytes ?? null });
  }
  return images;
}

export interface BuildOptions {
  /** Local names of the images that a Dockerfile starts from: its `ARG`s. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly onProgress?: (line: string) => void;
}

/** Builds a folder's image, which takes a minute and the engine's network. Does nothing when it is there. */
export async function buildImage(
  engine: Engine,
  imagesDirectory: string,
  folder: string,
  options: BuildOptions = {},
): Promise<LocalImage> {
  const tag = localTag(imagesDirectory, folder);
  await engine.ping();
  const present = await findImage(engine, tag);
  if (present !== null) return { folder, tag, imageId: present.id, sizeBytes: present.sizeBytes };
  const progress = await engine.docker.buildImage(
    { context: imagesDirectory, src: [folder, supervisorFolder] },
    {
      t: tag,
      dockerfile: `${folder}/Dockerfile`,
      buildargs: { ...options.buildArgs },
      rm: true,
      forcerm: true,
    },
  );
  await new Promise<void>((resolve, reject) => {
    engine.docker.modem.followProgress(
      progress,
      (error) =>
        error === null
          ? resolve()
          : reject(new Error(`image ${folder} could not be built`, { cause: error })),
      (event: { stream?: string; error?: string }) => {
        const line = (event.stream ?? event.error ?? '').trimEnd();
        if (line !== '') options.onProgress?.(line);
      },
    );
  });
  const built = await findImage(engine, tag);
  if (built === null) throw new Error(`image ${folder} could not be built: the engine does not know ${tag}`);
  return { folder, tag, imageId: built.id, sizeBytes: built.sizeBytes };
}

function referenceOf(imagesDirectory: string, image: Image): string {
  if (image.source.from === 'local') return localTag(imagesDirectory, image.source.folder);
  if (!digestPattern.test(image.source.reference)) {
    throw new RangeError(
      `image ${image.name}: ${image.source.reference} is no digest; \`repository@sha256:…\``,
    );
  }
  return image.source.reference;
}

async function findImage(
  engine: Engine,
  reference: string,
): Promise<{ id: string; sizeBytes: number } | null> {
  try {
    const found = await bounded(engine.docker.getImage(reference).inspect());
    return { id: found.Id, sizeBytes: found.Size };
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** Files of a folder, relative to the images directory, in a fixed order. */
function listFiles(imagesDirectory: string, folder: string, depth = 0): string[] {
  if (depth === folderDepthMax) throw new RangeError(`image folder ${folder} is nested too deep`);
  const entries = readdirSync(path.join(imagesDirectory, folder), { withFileTypes: true });
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      return entry.isDirectory() ? listFiles(imagesDirectory, name, depth + 1) : entry.isFile() ? [name] : [];
    });
}
