/** The boundary, inbound: allow, flag or block; what is executed is never rewritten. */
import type { CheckedArguments as Checked } from '../boundary/boundary.ts';
import type { BoundaryProfile } from '../model/finding.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import type { Revision } from '../policy/revision.ts';
import type { CallContext, CheckedArguments } from './call-context.ts';
import type { Decided } from './decide-call.ts';
import { isRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { findFiles, loadFiles, withContents } from './uploads/named-files.ts';
import type { FileFacts } from '../audit/uploaded-files.ts';

/** What the boundary said, and the uploaded files that it looked into beside the arguments. */
export interface Inbound extends Checked {
  readonly files: readonly FileFacts[];
}

/** What a call would run with. */
export interface Arguments {
  readonly revision: Revision;
  readonly caller: Caller;
  readonly tool: Tool;
  readonly args: CheckedArguments;
  readonly decided: Decided;
}

/** An uploaded file that the arguments name is looked at as if it stood in them. */
export async function checkArguments(context: CallContext, call: Arguments): Promise<Inbound | Refusal> {
  const files = await findFiles(context, call.caller, call.tool, call.args.value);
  if (isRefusal(files)) return files;
  const checked = await checkWithFiles(context, call, files);
  if (isRefusal(checked)) return checked;
  for (const { detector, action } of checked.report.findings) context.metrics.findingMade(detector, action);
  if (!checked.blocked) return { ...checked, files };
  const findings = checked.report.findings.filter((finding) => finding.action === 'block');
  const what = findings.map((finding) => `${finding.detector} at ${finding.where}`).join(', ');
  return { code: 'arguments_blocked', detail: `The boundary blocks these arguments: ${what}.`, findings };
}

async function checkWithFiles(
  context: CallContext,
  { revision, caller, tool, args, decided }: Arguments,
  files: readonly FileFacts[],
): Promise<Checked | Refusal> {
  const { tenant } = caller.principal;
  const profiles = boundaryProfiles(revision, decided);
  const plain = await context.filter.checkArguments(args.value, profiles, tenant);
  if (files.length === 0 || plain.blocked) return plain;
  const loaded = await loadFiles(context, tenant, files);
  if (isRefusal(loaded)) return loaded;
  using _memory = loaded;
  const whole = withContents(tool, args.value, loaded.contents);
  const { report, blocked } = await context.filter.checkArguments(whole, profiles, tenant);
  // The record holds the ids: the contents stay where they are, and go when they are over.
  return { report, blocked, forRecord: plain.forRecord };
}

export function boundaryProfiles(revision: Revision, decided: Decided): readonly BoundaryProfile[] {
  return decided.decision.boundary.map((name) => {
    const profile = revision.boundaries.get(name);
    if (profile === undefined) throw new TypeError(`revision ${revision.id} has no boundary profile ${name}`);
    return profile;
  });
}
