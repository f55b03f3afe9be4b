import { didYouMeanHint } from '../did-you-mean.ts';
import type { PolicyTestResource } from '../documents.ts';
import type { LostNames } from '../load/lost-names.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';

/** Checks what a test names, so that a case cannot pass for a mistyped name. Running it is `policy test`. */
export function checkTest(
  { spec, source }: PolicyTestResource,
  tools: ReadonlyMap<string, CompiledTool>,
  lost: LostNames,
  findings: Findings,
): void {
  const principals = Object.keys(spec.principals ?? {});
  const used = new Set<string>();
  for (const [at, { tool, principal }] of spec.cases.entries()) {
    const pointer = `/spec/cases/${at}`;
    if (!tools.has(tool) && !lost.has('Tool', tool)) {
      const hint = didYouMeanHint(tool, tools.keys());
      findings.error(source, `${pointer}/tool`, `unknown tool "${tool}"`, hint);
    }
    if (typeof principal !== 'string') continue;
    used.add(principal);
    if (principals.includes(principal)) continue;
    const hint = didYouMeanHint(principal, principals) ?? 'name it under spec.principals';
    findings.error(source, `${pointer}/principal`, `unknown principal "${principal}"`, hint);
  }
  if (findings.problems.length > 0) return;
  for (const name of principals) {
    if (used.has(name)) continue;
    findings.warn(source, `/spec/principals/${name}`, `the principal "${name}" is used nowhere`);
  }
}
