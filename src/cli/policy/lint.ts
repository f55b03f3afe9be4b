import { directoriesOf } from './directories.ts';
import { counted } from '../output.ts';
import type { Output } from '../output.ts';

/** `sallyport policy lint`: every finding with its place; exit 1 when one is an error. */
export async function lint(given: readonly string[], out: Output): Promise<void> {
  const [{ compile }, { formatProblem }, { detectorIds }] = await Promise.all([
    import('../../policy/compile/compile.ts'),
    import('../../policy/lint.ts'),
    import('../../boundary/detectors.ts'),
  ]);
  const compiled = await compile({
    directories: directoriesOf(given),
    knownDetectors: detectorIds,
    isLinting: true,
  });
  const errors = compiled.ok ? [] : compiled.problems;
  const revision = compiled.ok ? compiled.revision.id : null;
  out.show({ revision, errors, warnings: compiled.warnings }, () =>
    [
      ...errors.map((problem) => `${out.paint.bad('error')} ${formatProblem(problem)}`),
      ...compiled.warnings.map((problem) => `${out.paint.bold('warning')} ${formatProblem(problem)}`),
      revision === null
        ? out.paint.bad(counted(errors.length, 'error'))
        : out.paint.good(`fine: revision ${revision}`),
    ].join('\n'),
  );
  if (errors.length > 0) process.exitCode = 1;
}
