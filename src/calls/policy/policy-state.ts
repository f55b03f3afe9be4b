/** Which revision decides, why, and what is to be said of the policy files. */
import type { Pin } from '../../audit/record.ts';
import type { PolicyProblem } from '../../policy/problem.ts';

/** What made a revision the one that decides, or was tried to. */
export type PolicyTrigger = 'start' | 'watch' | 'signal' | 'api' | 'rollback' | 'unpin';

/** How the files stand to the revision that decides. */
export type FilesState =
  /** They hold it. */
  | { readonly kind: 'active' }
  /** They hold another one, which waits until the pin is taken away. */
  | { readonly kind: 'pinned'; readonly revision: string }
  /** They have mistakes. */
  | { readonly kind: 'rejected'; readonly problems: readonly PolicyProblem[] }
  /** They hold another one that cannot decide yet; it is tried again. */
  | { readonly kind: 'waiting'; readonly revision: string | null; readonly reason: string };

export interface PolicyState {
  readonly revision: string;
  readonly activatedAtMs: number;
  readonly trigger: PolicyTrigger;
  readonly pin: Pin | null;
  readonly files: FilesState;
}

/** What became of a wish to change what decides. */
export type PolicyChange =
  | { readonly outcome: 'activated'; readonly revision: string; readonly previous: string }
  | { readonly outcome: 'unchanged'; readonly revision: string }
  | { readonly outcome: 'pinned'; readonly revision: string; readonly pinned: string }
  | { readonly outcome: 'waiting'; readonly revision: string | null; readonly reason: string }
  | { readonly outcome: 'rejected'; readonly problems: readonly PolicyProblem[] }
  /** Of a roll-back: no such revision is stored. */
  | { readonly outcome: 'unknown' }
  /** Of `unpin`: nothing is pinned. */
  | { readonly outcome: 'not_pinned' };

/** What is not as it should be, for `/ready`, which is open to everybody: places, not contents. Null: all is well. */
export function describeStaleness({ pin, files }: Pick<PolicyState, 'pin' | 'files'>): string | null {
  const parts = [
    pin === null
      ? null
      : `pinned by ${pin.principal} since ${new Date(pin.atMs).toISOString()} until "sallyport policy unpin"`,
    describeFiles(files),
  ];
  return parts.filter((part) => part !== null).join('; ') || null;
}

function describeFiles(files: FilesState): string | null {
  switch (files.kind) {
    case 'active':
      return null;
    case 'pinned':
      return `the policy files hold ${files.revision}`;
    case 'waiting':
      return `${files.revision ?? 'a change of the policy files'} waits: ${files.reason}`;
    case 'rejected': {
      const [first] = files.problems;
      const count = files.problems.length === 1 ? 'a mistake' : `${files.problems.length} mistakes`;
      const place = first === undefined ? '' : `, the first at ${first.file}:${first.line}:${first.column}`;
      return `the policy files have ${count}${place}: "sallyport policy lint" says which; the revision before goes on deciding`;
    }
  }
}
