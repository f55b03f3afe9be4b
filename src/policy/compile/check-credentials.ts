import type { CredentialResource } from '../documents.ts';
import type { LostNames } from '../load/lost-names.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';
import { selectTools } from './select-tools.ts';

/** Checks what credentials name. Where their secrets lie is not looked at: linting needs no secrets. */
export function checkCredentials(
  credentials: readonly CredentialResource[],
  tools: ReadonlyMap<string, CompiledTool>,
  lost: LostNames,
  findings: Findings,
): void {
  for (const { spec, source } of credentials) {
    const { mistakes } = selectTools(spec.allow?.tools ?? [], tools, lost);
    for (const { at, message, hint } of mistakes) {
      findings.error(source, `/spec/allow/tools/${at}`, message, hint);
    }
    if (findings.problems.length === 0 && spec.decoy !== true) {
      findings.warn(
        source,
        '/metadata/name',
        'nothing uses this credential: tools cannot name one in this version',
      );
    }
  }
}
