import type { Command } from 'commander';
import { table } from './output.ts';
import type { Output } from './output.ts';

export interface ImageState {
  readonly name: string;
  readonly tag: string;
  /** Local image id, or null when it has not been built. */
  readonly imageId: string | null;
  readonly sizeBytes: number | null;
}

/** What the container room offers for images; handed in, so that the engine stays there. */
export interface ImageCommands {
  readonly list: () => Promise<readonly ImageState[]>;
  /** Builds what is missing; `onProgress` gets one line at a time. */
  readonly build: (
    names: readonly string[],
    onProgress: (line: string) => void,
  ) => Promise<readonly ImageState[]>;
}

export function addImageCommands(
  program: Command,
  output: () => Output,
  open: () => Promise<ImageCommands>,
): void {
  const images = program.command('images').description('the sandbox images on this engine');
  images
    .command('list')
    .description('each image, and whether it is built')
    .action(async () => show(output(), await (await open()).list()));
  images
    .command('build')
    .description('build the images that are missing or changed')
    .argument('[name...]', 'folders of sandbox-images; all without one')
    .action(async (names: string[]) => {
      const commands = await open();
      show(output(), await commands.build(names, (line) => process.stderr.write(`${line}\n`)));
    });
}

function show(output: Output, states: readonly ImageState[]): void {
  output.show({ images: states }, () =>
    table(
      states.map(({ name, tag, imageId, sizeBytes }) => [
        name,
        imageId === null ? 'not built' : imageId.slice(0, 19),
        sizeBytes === null ? '' : `${Math.round(sizeBytes / 1e6)} MB`,
        tag,
      ]),
    ),
  );
}
