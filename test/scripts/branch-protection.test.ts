import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { findGaps, requiredChecks } from '../../scripts/branch-protection.ts';
import type { Protection } from '../../scripts/branch-protection.ts';
import { repository } from '../support/server.ts';

const on = { enabled: true };
const off = { enabled: false };
const good: Protection = {
  required_status_checks: { strict: true, contexts: ['check', 'test', 'image', 'secrets', 'packages'] },
  required_pull_request_reviews: {
    required_approving_review_count: 2,
    dismiss_stale_reviews: true,
    require_last_push_approval: true,
  },
  enforce_admins: on,
  required_signatures: on,
  required_conversation_resolution: on,
  allow_force_pushes: off,
  allow_deletions: off,
};

test('a branch as recommended has no gap, and one without anything has all of them', () => {
  expect(findGaps(good)).toEqual([]);
  expect(findGaps({})).toHaveLength(14);
});

test.each<[Protection, string]>([
  [{ required_signatures: off }, 'commits need no signature'],
  [{ allow_force_pushes: on }, 'history may be rewritten (force pushes)'],
  [{ enforce_admins: off }, 'administrators are exempt'],
  [
    { required_status_checks: { strict: true, contexts: ['check', 'image', 'secrets', 'packages'] } },
    'the check "test" is not required',
  ],
])('%o is said', (change, gap) => {
  expect(findGaps({ ...good, ...change })).toEqual([gap]);
});

test('what is required are the jobs of the workflow, and each runs a script of this repository', () => {
  const text = readFileSync(path.join(repository, '.github/workflows/checks.yml'), 'utf8');
  const { jobs } = parse(text) as { jobs: Record<string, { steps: { run?: string }[] }> };
  expect(Object.keys(jobs)).toEqual(requiredChecks);
  for (const { steps } of Object.values(jobs))
    expect(steps.some(({ run }) => run?.includes('./scripts/') === true)).toBe(true);
});
