import type { Place, SourceDocument } from '../documents.ts';
import type { PolicyProblem } from '../problem.ts';

/** What the compiler has to say, collected while it goes on: an operator wants all of it at once. */
export class Findings {
  readonly problems: PolicyProblem[] = [];
  readonly warnings: PolicyProblem[] = [];

  /** A mistake at the value that a JSON pointer leads to. */
  error(source: SourceDocument, path: string, message: string, hint?: string): void {
    this.problems.push(finding(source, path, source.locate(path), message, hint));
  }

  /** A mistake at character `offset` of the string at a JSON pointer. */
  errorInText(source: SourceDocument, path: string, offset: number, message: string, hint?: string): void {
    this.problems.push(finding(source, path, source.locateInText(path, offset), message, hint));
  }

  warn(source: SourceDocument, path: string, message: string, hint?: string): void {
    this.warnings.push(finding(source, path, source.locate(path), message, hint));
  }

  warnInText(source: SourceDocument, path: string, offset: number, message: string, hint?: string): void {
    this.warnings.push(finding(source, path, source.locateInText(path, offset), message, hint));
  }
}

function finding(
  source: SourceDocument,
  path: string,
  { line, column }: Place,
  message: string,
  hint: string | undefined,
): PolicyProblem {
  const problem = { file: source.file, line, column, path: source.pointerInFile(path), message };
  return hint === undefined ? problem : { ...problem, hint };
}
