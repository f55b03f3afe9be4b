/** Reports of the boundary about one call, in one. */
import type { BoundaryReport, Verdict } from '../model/finding.ts';

const verdicts: readonly Verdict[] = ['clean', 'flagged', 'wrapped', 'redacted', 'blocked'];

/** The stronger verdict, every finding once, and what the later one was scanned for. */
export function joinReports(first: BoundaryReport, second: BoundaryReport): BoundaryReport {
  const strongest = Math.max(verdicts.indexOf(first.verdict), verdicts.indexOf(second.verdict));
  const findings = new Map(
    [...first.findings, ...second.findings].map((finding) => [JSON.stringify(finding), finding]),
  );
  return {
    verdict: verdicts[strongest] ?? 'blocked',
    findings: [...findings.values()],
    scanned: second.scanned,
  };
}
