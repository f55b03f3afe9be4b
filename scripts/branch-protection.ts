/** Recommended protection of the main branch, and what a branch has less. GitHub REST API, "Protected branches". */
import { readFileSync } from 'node:fs';

/** The jobs of .github/workflows/checks.yml. */
export const requiredChecks = ['check', 'test', 'image', 'secrets', 'packages'] as const;

const approvals = 1;

/** Body of `PUT /repos/{owner}/{repo}/branches/main/protection`. */
export const recommended = {
  required_status_checks: { strict: true, contexts: requiredChecks },
  enforce_admins: true,
  required_pull_request_reviews: {
    required_approving_review_count: approvals,
    dismiss_stale_reviews: true,
    require_last_push_approval: true,
  },
  required_conversation_resolution: true,
  allow_force_pushes: false,
  allow_deletions: false,
  restrictions: null,
};

interface Switch {
  readonly enabled?: boolean;
}

/** Answer of `GET` on the same address. */
export interface Protection {
  readonly required_status_checks?: { readonly strict?: boolean; readonly contexts?: readonly string[] };
  readonly required_pull_request_reviews?: {
    readonly required_approving_review_count?: number;
    readonly dismiss_stale_reviews?: boolean;
    readonly require_last_push_approval?: boolean;
  };
  readonly enforce_admins?: Switch;
  readonly required_signatures?: Switch;
  readonly required_conversation_resolution?: Switch;
  readonly allow_force_pushes?: Switch;
  readonly allow_deletions?: Switch;
}

/** What is missing, a line each; empty when nothing is. */
export function findGaps(found: Protection): string[] {
  const checks = found.required_status_checks;
  const reviews = found.required_pull_request_reviews;
  const wanted: readonly (readonly [boolean, string])[] = [
    ...requiredChecks.map(
      (name) => [checks?.contexts?.includes(name) === true, `the check "${name}" is not required`] as const,
    ),
    [checks?.strict === true, 'a branch need not be up to date before it is merged'],
    [(reviews?.required_approving_review_count ?? 0) >= approvals, 'no review is required'],
    [reviews?.dismiss_stale_reviews === true, 'an approval stays when new commits come'],
    [reviews?.require_last_push_approval === true, 'who pushed last may approve it'],
    [found.enforce_admins?.enabled === true, 'administrators are exempt'],
    [found.required_signatures?.enabled === true, 'commits need no signature'],
    [found.required_conversation_resolution?.enabled === true, 'conversations may stay open'],
    [found.allow_force_pushes?.enabled === false, 'history may be rewritten (force pushes)'],
    [found.allow_deletions?.enabled === false, 'the branch may be deleted'],
  ];
  return wanted.filter(([holds]) => !holds).map(([, gap]) => gap);
}

function check(): void {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(0, 'utf8'));
  } catch {
    found = null;
  }
  if (typeof found !== 'object' || found === null || !('url' in found)) {
    process.stderr.write(
      'branch-protection: give me what `gh api repos/OWNER/NAME/branches/main/protection` prints\n',
    );
    process.exitCode = 2;
    return;
  }
  const gaps = findGaps(found as Protection);
  process.stdout.write(
    gaps.length === 0 ? 'as recommended\n' : gaps.map((gap) => `missing: ${gap}\n`).join(''),
  );
  if (gaps.length > 0) process.exitCode = 1;
}

if (import.meta.main) {
  if (process.argv[2] === '--check') check();
  else {
    process.stdout.write(`${JSON.stringify(recommended, null, 2)}\n`);
    process.stderr.write(
      'Signed commits have an address of their own: gh api --method POST repos/OWNER/NAME/branches/main/protection/required_signatures\n',
    );
  }
}
