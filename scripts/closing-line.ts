/** `closing-line.ts <vitest's JSON report> <exit status>`: prints `N passed, N failed[, N skipped]` for people and machines. */
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** A file that fails as a whole, and a run that fails in no test at all, count as one failure each. */
export function closingLine(report: Report, exitStatus: number): string {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed'),
  ).length;
  const counted = report.numFailedTests + brokenFiles;
  const failed = counted === 0 && exitStatus !== 0 ? 1 : counted;
  const skipped = report.numPendingTests + report.numTodoTests;
  return `${report.numPassedTests} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

if (import.meta.main) {
  const [, , path = '', status = '1'] = process.argv;
  console.log(closingLine(JSON.parse(readFileSync(path, 'utf8')) as Report, Number(status)));
}
