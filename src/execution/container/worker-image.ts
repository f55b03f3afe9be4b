/** The isolate worker's program in an image of its own: which files go in, and where they lie there. */
import path from 'node:path';

import { prebuiltAddon } from '../isolate/addon.ts';
import { workerProgram } from '../isolate/confinement.ts';
import type { WorkerProgram } from '../isolate/confinement.ts';
import { workerImagePlan } from './image-plan.ts';
import type { ImagePlan } from './image-plan.ts';

/** `COPY isolate/files` of `sandbox-images/isolate/Dockerfile`. */
const programRoot = '/opt/sallyport';
const manifestName = 'package.json';

/** The image for the files as they are now. `architecture`: of the engine's machine, as Node names it. */
export function planWorkerImage(imagesDirectory: string, architecture: string): ImagePlan {
  const program = workerProgram(prebuiltAddon(architecture));
  const files = program.readable.map((file) => ({ name: nameInImage(program, file), path: file }));
  return workerImagePlan(imagesDirectory, files);
}

/** The same program in the image: it speaks on its stdin and stdout. */
export function programInImage(program: WorkerProgram): WorkerProgram {
  const inImage = (file: string): string => path.posix.join(programRoot, nameInImage(program, file));
  return {
    ...program,
    entry: inImage(program.entry),
    args: [...program.args.map((arg) => (program.readable.includes(arg) ? inImage(arg) : arg)), 'stdio'],
    readable: program.readable.map(inImage),
  };
}

/** As below the package's own folder. The addon has one name, whichever platform its file is for. */
function nameInImage(program: WorkerProgram, file: string): string {
  if (file.endsWith('.node')) return 'isolated-vm.node';
  const manifest = program.readable.find((candidate) => path.basename(candidate) === manifestName);
  const name = manifest === undefined ? '..' : path.relative(path.dirname(manifest), file);
  if (name.startsWith('..')) throw new Error(`${file} is not part of this package`);
  return name.split(path.sep).join('/');
}
