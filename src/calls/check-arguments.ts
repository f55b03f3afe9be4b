/** The boundary, inbound: allow, flag or block; what is executed is never rewritten. */
import type { CheckedArguments as Inbound } from '../boundary/boundary.ts';
import type { BoundaryProfile } from '../model/finding.ts';
import type { Revision } from '../policy/revision.ts';
import type { CallContext, CheckedArguments } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import type { Refusal } from './refusal.ts';

export async function checkArguments(
  context: CallContext,
  revision: Revision,
  decided: Decided,
  args: CheckedArguments,
  tenant: string,
): Promise<Inbound | Refusal> {
  const inbound = await context.filter.checkArguments(
    args.value,
    boundaryProfiles(revision, decided),
    tenant,
  );
  for (const finding of inbound.report.findings)
    context.metrics.findingMade(finding.detector, finding.action);
  if (!inbound.blocked) return inbound;
  const findings = inbound.report.findings.filter((finding) => finding.action === 'block');
  const what = findings.map((finding) => `${finding.detector} at ${finding.where}`).join(', ');
  return { code: 'arguments_blocked', detail: `The boundary blocks these arguments: ${what}.`, findings };
}

export function boundaryProfiles(revision: Revision, decided: Decided): readonly BoundaryProfile[] {
  return decided.decision.boundary.map((name) => {
    const profile = revision.boundaries.get(name);
    if (profile === undefined) throw new TypeError(`revision ${revision.id} has no boundary profile ${name}`);
    return profile;
  });
}
