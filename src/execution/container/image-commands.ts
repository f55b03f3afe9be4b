/** What an operator does with images; see `sallyport images --help`. */
import { Engine } from './engine.ts';
import { toolFolders, toolImagePlan, workerFolder } from './image-plan.ts';
import type { ImagePlan } from './image-plan.ts';
import { buildImage, findPlanned } from './images.ts';
import type { LocalImage } from './images.ts';
import { planWorkerImage } from './worker-image.ts';

export interface ImageCommands {
  readonly list: () => Promise<readonly LocalImage[]>;
  /** Builds what is missing or changed, all folders when none is named; `onProgress` gets one line at a time. */
  readonly build: (
    folders: readonly string[],
    onProgress: (line: string) => void,
  ) => Promise<readonly LocalImage[]>;
}

export function createImageCommands(dockerHost: string | null, imagesDirectory: string): ImageCommands {
  const engine = new Engine(dockerHost);
  const plan = async (folder: string): Promise<ImagePlan> =>
    folder === workerFolder
      ? planWorkerImage(imagesDirectory, (await engine.facts()).architecture)
      : toolImagePlan(imagesDirectory, folder);
  const all = [workerFolder, ...toolFolders(imagesDirectory)].sort();
  return {
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
  };
}
