import type { Command } from 'commander';
import type { ImageCommands } from '../execution/container/image-commands.ts';
import type { LocalImage } from '../execution/container/images.ts';
import { table } from './output.ts';
import type { Output } from './output.ts';

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

function show(output: Output, states: readonly LocalImage[]): void {
  output.show({ images: states }, () =>
    table(
      states.map(({ folder, tag, imageId, sizeBytes }) => [
        folder,
        imageId === null ? 'not built' : imageId.slice(0, 19),
        sizeBytes === null ? '' : `${Math.round(sizeBytes / 1e6)} MB`,
        tag,
      ]),
    ),
  );
}
