/** One finding of the policy compiler, at the place where an operator can mend it. */
export interface PolicyProblem {
  /** Path as the operator named it: the policy directory as given, then the file inside it. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based. */
  readonly column: number;
  /** JSON pointer inside the document; empty for the document itself. */
  readonly path: string;
  readonly message: string;
  /** What to do next, where that is not plain from the message. */
  readonly hint?: string;
}

/** Sorts by place and drops repeats, so that the same directory always gives the same list. */
export function arrangeProblems(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  const unique = new Map(problems.map((problem) => [JSON.stringify(Object.values(problem)), problem]));
  return [...unique.values()].toSorted(
    (a, b) =>
      compareText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.message, b.message),
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
