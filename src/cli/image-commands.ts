import { Option } from 'commander';
import type { Command } from 'commander';
import type { ImageCheck } from '../execution/container/check-image.ts';
import type { ImageCommands } from '../execution/container/image-commands.ts';
import type { LocalImage } from '../execution/container/images.ts';
import type { EngineRuntime } from '../model/tool.ts';
import { CommandFailed } from './command-failed.ts';
import { oneLine, table } from './output.ts';
import type { Output, Paint } from './output.ts';

interface CheckFlags {
  readonly code?: string;
  readonly runtime: EngineRuntime;
  readonly session?: boolean;
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
      for (const name of names) requireFolder(commands, name);
      show(output(), await commands.build(names, (line) => process.stderr.write(`${line}\n`)));
    });
  images
    .command('check')
    .description('start an image locked down, as for a call, and take it through the harness protocol')
    .argument('<image>', 'a folder of sandbox-images, or a digest as in an Image resource')
    .addOption(
      new Option('--runtime <name>', 'under which runtime').choices(['runc', 'runsc']).default('runc'),
    )
    .option('--code <text>', 'code that has to come to its end in it (default: empty code, which may fail)')
    .option('--session', 'it has to keep a session as well')
    .addHelpText('after', '\nExit codes: 0 all passed, 1 something failed, 2 called wrongly.')
    .action(async (image: string, { code, runtime, session = false }: CheckFlags) => {
      const options = { engineRuntime: runtime, code: code ?? null, inSession: session };
      const commands = await open();
      if (!image.includes('sha256:')) requireFolder(commands, image);
      const checks = await commands.check(image, options);
      const isGood = checks.every(({ state }) => state === 'passed');
      const out = output();
      out.show({ image, passed: isGood, checks }, () => table(checks.map((check) => row(check, out.paint))));
      if (!isGood) process.exitCode = 1;
    });
}

function requireFolder({ folders }: ImageCommands, name: string): void {
  if (folders.includes(name)) return;
  throw new CommandFailed(2, `There is no image "${name}". Known: ${folders.join(', ')}.`);
}

function row({ requirement, seen, state }: ImageCheck, paint: Paint): string[] {
  const word =
    state === 'passed' ? paint.good('passed') : state === 'failed' ? paint.bad('FAILED') : 'not tried';
  return [word, seen === null ? requirement : `${requirement} (${oneLine(seen)})`];
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
