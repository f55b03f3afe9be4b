import { compile } from './compile/compile.ts';
import type { CompileOptions } from './compile/compile.ts';
import { formatProblems } from './lint.ts';
import type { PolicyProblem } from './problem.ts';
import type { Revision } from './revision.ts';

/** The policy directory does not compile. The message holds every problem with its place. */
export class PolicyInvalid extends Error {
  override readonly name = 'PolicyInvalid';
  readonly problems: readonly PolicyProblem[];
  constructor(problems: readonly PolicyProblem[]) {
    super(`The policy cannot be used:\n${formatProblems(problems)}`);
    this.problems = problems;
  }
}

/** Compiles the directories, or throws `PolicyInvalid`: for those who cannot go on without a revision. */
export async function loadRevision(options: CompileOptions): Promise<Revision> {
  const compiled = await compile(options);
  if (!compiled.ok) throw new PolicyInvalid(compiled.problems);
  return compiled.revision;
}
