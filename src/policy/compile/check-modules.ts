/** Code files of isolate tools, read as an isolate reads them: what no call could load is a mistake. */
import path from 'node:path';
import type { PolicyProblem } from '../problem.ts';
import { askThread } from './ask-thread.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { ModuleMistake } from './read-module.ts';

/** How long reading all of it may take: a megabyte takes some 20 ms. */
const readMsMax = 30_000;

export async function checkModules(tools: Iterable<CompiledTool>): Promise<readonly PolicyProblem[]> {
  const modules = [...tools].flatMap(moduleOf);
  if (modules.length === 0) return [];
  const found = await askThread<readonly (readonly ModuleMistake[])[]>({
    script: new URL('./module-thread.ts', import.meta.url),
    name: 'module-reader',
    msMax: readMsMax,
    workerData: modules.map(({ text }) => text),
    env: {},
    execArgv: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  });
  return modules.flatMap(({ file }, at) =>
    (found[at] ?? []).map((mistake) => ({ file, path: '', ...mistake })),
  );
}

function moduleOf({
  tool: { runtime },
  resource: { source },
}: CompiledTool): readonly { file: string; text: string }[] {
  const { kind, code } = runtime;
  if (kind !== 'isolate' || code.from !== 'file') return [];
  return [{ file: path.join(source.directory, code.name), text: code.javascript ?? code.source }];
}
