/** What an operator does with images; see `sallyport images --help`. */
import { checkImage } from './check-image.ts';
import type { ImageCheck, ImageCheckOptions } from './check-image.ts';
import { Engine } from './engine.ts';
import { toolFolders, toolImagePlan, workerFolder } from './image-plan.ts';
import type { ImagePlan } from './image-plan.ts';
import { buildImage, findPlanned, resolveImage } from './images.ts';
import type { LocalImage } from './images.ts';
import { planWorkerImage } from './worker-image.ts';

export interface ImageCommands {
  /** Of all images. */
  readonly folders: readonly string[];
  readonly list: () => Promise<readonly LocalImage[]>;
  /** Builds what is missing or changed, all folders when none is named; `onProgress` gets one line at a time. */
  readonly build: (
    folders: readonly string[],
    onProgress: (line: string) => void,
  ) => Promise<readonly LocalImage[]>;
  /** `name`: a folder, or a digest as in an Image resource. Rejects with NotStarted when the engine has no such image. */
  readonly check: (
    name: string,
    options: Omit<ImageCheckOptions, 'logger'>,
  ) => Promise<readonly ImageCheck[]>;
}

/** What fails is part of the answer. */
const silent = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };

export function createImageCommands(dockerHost: string | null, imagesDirectory: string): ImageCommands {
  const engine = new Engine(dockerHost);
  const plan = async (folder: string): Promise<ImagePlan> =>
    folder === workerFolder
      ? planWorkerImage(imagesDirectory, (await engine.facts()).architecture)
      : toolImagePlan(imagesDirectory, folder);
  const all = [workerFolder, ...toolFolders(imagesDirectory)].sort();
  return {
    folders: all,
    async list() {
      await engine.ping();
      return await Promise.all(all.map(async (folder) => await findPlanned(engine, await plan(folder))));
    },
    async build(folders, onProgress) {
      const built: LocalImage[] = [];
      for (const folder of folders.length > 0 ? folders : all)
        built.push(await buildImage(engine, await plan(folder), { onProgress }));
      return built;
    },
    async check(name, options) {
      await engine.ping();
      const source = name.includes('sha256:')
        ? ({ from: 'digest', reference: name } as const)
        : ({ from: 'local', folder: name } as const);
      const imageId = await resolveImage(engine, imagesDirectory, { name, source, entry: 'json' });
      return await checkImage(engine, imageId, { ...options, logger: silent });
    },
  };
}
