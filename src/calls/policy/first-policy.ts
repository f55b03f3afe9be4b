/** What decides after a start: what is pinned, else what the files hold, else what decided last. */
import type { Pin, PolicyState as RecordedPolicy, RecordStore } from '../../audit/record.ts';
import { compile } from '../../policy/compile/compile.ts';
import type { CompileResult } from '../../policy/compile/compile.ts';
import { compileContent } from '../../policy/compile/compile-content.ts';
import { formatProblems } from '../../policy/lint.ts';
import { PolicyInvalid } from '../../policy/load-revision.ts';
import { readClaim } from '../../policy/load/read-claim.ts';
import type { RevisionClaim } from '../../policy/load/read-claim.ts';
import { scanFiles } from '../../policy/load/scan-files.ts';
import type { Revision } from '../../policy/revision.ts';
import type { FilesState } from './policy-state.ts';

/** The policy files as a start found them. */
export interface FoundFiles {
  readonly compiled: CompileResult;
  readonly claimed: RevisionClaim | null;
  /** As they were before they were read. */
  readonly scanned: string;
}

export interface FirstPolicy {
  readonly revision: Revision;
  readonly pin: Pin | null;
  readonly files: FilesState;
  readonly scanned: string;
  /** What decided by the record. */
  readonly recorded: RecordedPolicy | null;
}

/** How often a start reads files that change meanwhile. */
const readingsMax = 20;

/** Throws when the files change during every reading: half of the one and half of the other must not decide. */
export async function findFiles(
  directories: readonly string[],
  knownDetectors: readonly string[],
  scan: () => Promise<string> = () => scanFiles(directories),
): Promise<FoundFiles> {
  let scanned = await scan();
  for (let reading = 0; reading < readingsMax; reading++) {
    const [compiled, claimed] = await Promise.all([
      compile({ directories, knownDetectors }),
      readClaim(directories),
    ]);
    const again = await scan();
    if (again === scanned) return { compiled, claimed, scanned };
    scanned = again;
  }
  throw new Error(
    `The policy files changed during each of ${readingsMax} readings. Start again when they rest.`,
  );
}

/**
 * Throws `PolicyInvalid` with every mistake of the files when nothing decided before, and an error that says what to do
 * when a pinned revision cannot be used: going on with another one would undo what somebody wanted.
 */
export async function chooseFirstPolicy(
  { compiled, scanned }: FoundFiles,
  record: Pick<RecordStore, 'policyState' | 'revisionContent'>,
  knownDetectors: readonly string[],
): Promise<FirstPolicy> {
  const recorded = await record.policyState();
  const restore = async (id: string): Promise<CompileResult | null> => {
    const content = await record.revisionContent(id);
    return content === null ? null : compileContent(id, content, { knownDetectors });
  };
  const pin = recorded?.pin ?? null;
  if (pin !== null) {
    const pinned = await restore(pin.revision);
    if (pinned?.ok !== true) {
      const why =
        pinned === null ? 'it is not stored, or what is stored was altered' : formatProblems(pinned.problems);
      throw new Error(
        `The policy revision ${pin.revision} is pinned and cannot be used: ${why}\nStart the version that pinned it, and unpin it there.`,
      );
    }
    return {
      revision: pinned.revision,
      pin,
      files: filesBeside(pinned.revision, compiled),
      scanned,
      recorded,
    };
  }
  if (compiled.ok) return { revision: compiled.revision, pin, files: { kind: 'active' }, scanned, recorded };
  const last = recorded === null ? null : await restore(recorded.revision);
  if (last?.ok !== true) throw new PolicyInvalid(compiled.problems);
  return { revision: last.revision, pin, files: filesBeside(last.revision, compiled), scanned, recorded };
}

function filesBeside({ id }: Revision, compiled: CompileResult): FilesState {
  if (!compiled.ok) return { kind: 'rejected', problems: compiled.problems };
  return compiled.revision.id === id
    ? { kind: 'active' }
    : { kind: 'pinned', revision: compiled.revision.id };
}
