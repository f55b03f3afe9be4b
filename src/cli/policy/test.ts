import { writeFile } from 'node:fs/promises';
import type { TestedCall } from '../../policy/tests/run-tests.ts';
import { CommandFailed } from '../command-failed.ts';
import type { Output } from '../output.ts';
import { directoriesOf } from './directories.ts';

export interface TestOptions {
  /** Percent; null: any coverage will do. */
  readonly coverage: number | null;
  readonly junit?: string;
}

/** `sallyport policy test`: exit 1 when a test fails, there is none, or the coverage asked for is not reached. */
export async function test(given: readonly string[], options: TestOptions, out: Output): Promise<void> {
  const [
    { compile },
    { PolicyInvalid },
    { runTests },
    { measureCoverage },
    { junitReport },
    { describeTests },
    { detectorIds },
  ] = await Promise.all([
    import('../../policy/compile/compile.ts'),
    import('../../policy/load-revision.ts'),
    import('../../policy/tests/run-tests.ts'),
    import('../../policy/tests/coverage.ts'),
    import('../../policy/tests/junit.ts'),
    import('../../policy/tests/describe-tests.ts'),
    import('../../boundary/detectors.ts'),
  ]);
  const directories = directoriesOf(given);
  const compiled = await compile({ directories, knownDetectors: detectorIds });
  if (!compiled.ok) throw new PolicyInvalid(compiled.problems);
  const calls = runTests(compiled.revision, compiled.tests);
  if (calls.length === 0) {
    throw new CommandFailed(1, `There is no document of kind PolicyTest in ${directories.join(', ')}.`);
  }
  const coverage = measureCoverage(compiled.revision, calls);
  if (options.junit !== undefined) await writeFile(options.junit, junitReport(calls));
  const failed = calls.filter(({ failures }) => failures.length > 0).length;
  const report = { revision: compiled.revision.id, passed: calls.length - failed, failed, coverage };
  out.show({ ...report, calls: calls.map(summarise) }, () => describeTests(calls, coverage));
  if (failed > 0 || coverage.percent < (options.coverage ?? 0)) process.exitCode = 1;
}

function summarise({ outcome, ...call }: TestedCall): object {
  return { ...call, effect: outcome.effect };
}
