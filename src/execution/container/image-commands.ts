/** What an operator does with images; see `sallyport images --help`. */
import { Engine } from './engine.ts';
import { buildImage, listImages } from './images.ts';
import type { LocalImage } from './images.ts';

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
  const list = async (): Promise<readonly LocalImage[]> => {
    await engine.ping();
    return listImages(engine, imagesDirectory);
  };
  return {
    list,
    async build(folders, onProgress) {
      const wanted = folders.length > 0 ? folders : (await list()).map(({ folder }) => folder);
      const built: LocalImage[] = [];
      for (const folder of wanted)
        built.push(await buildImage(engine, imagesDirectory, folder, { onProgress }));
      return built;
    },
  };
}
