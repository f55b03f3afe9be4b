/**
 * From an `Image` of policy to the id of an image that the engine has. Nothing is built or pulled during a call:
 * `buildImage` is an operator's command, and an image that is missing is named together with that command.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { NotStarted } from '../executor.ts';
import type { Image } from '../../model/tool.ts';
import { bounded, statusOf } from './engine.ts';
import type { Engine } from './engine.ts';
import { toolFolders, toolImagePlan } from './image-plan.ts';
import type { ImagePlan } from './image-plan.ts';

const digestPattern = /^([a-z0-9][a-z0-9._/:-]{0,254}@)?sha256:[0-9a-f]{64}$/;
/** A tag can be moved to another image; what an image was built from cannot. */
const digestLabel = 'sallyport.digest';

export interface LocalImage {
  readonly folder: string;
  readonly tag: string;
  /** Null when it was not built, or before its files changed. */
  readonly imageId: string | null;
  readonly sizeBytes: number | null;
}

/** The id of an image's local copy. Throws NotStarted (`runtime_unavailable`) when there is none. */
export async function resolveImage(engine: Engine, imagesDirectory: string, image: Image): Promise<string> {
  const { source } = image;
  if (source.from === 'local') {
    const found = await findPlanned(engine, toolImagePlan(imagesDirectory, source.folder));
    if (found.imageId !== null) return found.imageId;
    throw notThere(`image ${image.name} is not built: run \`sallyport images build ${source.folder}\``);
  }
  if (!digestPattern.test(source.reference)) {
    throw new RangeError(`image ${image.name}: ${source.reference} is no digest; \`repository@sha256:…\``);
  }
  const found = await inspectImage(engine, source.reference);
  if (found !== null) return found.Id;
  throw notThere(`image ${image.name} is not on this engine: run \`docker pull ${source.reference}\``);
}

/** All tool images that can be built, and whether they were. */
export async function listImages(engine: Engine, imagesDirectory: string): Promise<LocalImage[]> {
  const plans = toolFolders(imagesDirectory).map((folder) => toolImagePlan(imagesDirectory, folder));
  return await Promise.all(plans.map((plan) => findPlanned(engine, plan)));
}

/** What the engine has of a plan: only an image that was built from exactly these files. */
export async function findPlanned(engine: Engine, { folder, tag, digest }: ImagePlan): Promise<LocalImage> {
  const found = await inspectImage(engine, tag);
  const isCurrent = found?.Config.Labels?.[digestLabel] === digest;
  return {
    folder,
    tag,
    imageId: isCurrent ? found.Id : null,
    sizeBytes: isCurrent ? found.Size : null,
  };
}

export interface BuildOptions {
  /** Local names of the images that a Dockerfile starts from: its `ARG`s. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly onProgress?: (line: string) => void;
}

/** Builds an image, which takes a minute and the engine's network. Does nothing when it is there. */
export async function buildImage(
  engine: Engine,
  plan: ImagePlan,
  options: BuildOptions = {},
): Promise<LocalImage> {
  await engine.ping();
  const present = await findPlanned(engine, plan);
  if (present.imageId !== null) return present;
  const context = stage(plan);
  try {
    await runBuild(engine, plan, context, options);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  const built = await findPlanned(engine, plan);
  if (built.imageId === null)
    throw new Error(`image ${plan.folder} could not be built: the engine does not know ${plan.tag}`);
  return built;
}

async function runBuild(
  engine: Engine,
  plan: ImagePlan,
  context: string,
  { buildArgs, onProgress }: BuildOptions,
): Promise<void> {
  const progress = await engine.docker.buildImage(
    { context, src: ['.'] },
    {
      t: plan.tag,
      dockerfile: `${plan.folder}/Dockerfile`,
      buildargs: { ...buildArgs },
      labels: { [digestLabel]: plan.digest },
      ...(plan.needsNetwork ? {} : { networkmode: 'none' }),
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
          : reject(new Error(`image ${plan.folder} could not be built`, { cause: error })),
      (event: { stream?: string; error?: string }) => {
        const line = (event.stream ?? event.error ?? '').trimEnd();
        if (line !== '') onProgress?.(line);
      },
    );
  });
}

/** The build's context: the plan's files and nothing else. */
function stage({ folder, files }: ImagePlan): string {
  const context = mkdtempSync(path.join(tmpdir(), `sallyport-image-${folder}-`));
  for (const file of files) {
    const target = path.join(context, file.name);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(file.path, target);
  }
  return context;
}

function notThere(message: string): NotStarted {
  return new NotStarted('runtime_unavailable', message);
}

/** Null when the engine has no such image. */
export async function inspectImage(
  engine: Engine,
  reference: string,
): Promise<Awaited<ReturnType<ReturnType<Engine['docker']['getImage']>['inspect']>> | null> {
  try {
    return await bounded(engine.docker.getImage(reference).inspect());
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
