import type { LiteralDetector } from '../detector.ts';
import { inParts, secretDefaults } from '../detector.ts';
import { notFiller } from '../randomness.ts';
import { gradeByChecksum } from './checksum.ts';
import { sample } from './sample.ts';

export const githubDetectors: readonly LiteralDetector[] = [
  {
    ...secretDefaults,
    id: 'github-token',
    title: 'GitHub token (classic, OAuth, user, server, refresh)',
    source: "github.blog, Behind GitHub's new authentication token formats (2021)",
    literals: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'],
    format: {
      kind: 'pattern',
      pattern: /gh[pousr]_[A-Za-z0-9]{36}/y,
      alphabet: /[A-Za-z0-9]/,
      check: (token) => (zerosAtEnd.test(token) ? null : gradeByChecksum(token)),
      isProvable: true,
    },
    examples: {
      hit: [
        inParts('ghp', '_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17'),
        inParts('https://x:gho', '_q7Lm2VtR9xKd4WfYb8NzPc3HsGj6Te1uAeXv@example.com'),
      ],
      miss: [
        'ghp_' + 'x'.repeat(36),
        'ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkx',
        'ghp_token',
        'laughs_' + 'a1'.repeat(18),
        'ghp_' + 'PersonalAccessToken012456789'.padEnd(36, '0'),
      ],
    },
  },
  {
    ...secretDefaults,
    id: 'github-refresh-token',
    title: 'GitHub App refresh token',
    source: 'docs.github.com, Refreshing user access tokens: ghr_ and 76 characters in its example',
    literals: ['ghr_'],
    format: {
      kind: 'pattern',
      pattern: /ghr_[A-Za-z0-9]{76}/y,
      alphabet: /[A-Za-z0-9]/,
      check: notFiller,
    },
    examples: {
      hit: [inParts('ghr', '_', sample('base62', 76))],
      miss: ['ghr_' + 'x'.repeat(76), inParts('ghr', '_', sample('base62', 60))],
    },
  },
  {
    ...secretDefaults,
    id: 'github-stateless-token',
    title: 'GitHub App token (stateless)',
    source: 'github.blog changelog 2026-05-15: installation tokens are ghs_APPID_JWT',
    literals: ['ghs_', 'ghu_'],
    format: {
      kind: 'pattern',
      pattern:
        /gh[su]_[A-Za-z0-9]{1,32}_eyJ[A-Za-z0-9_-]{8,1024}\.[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{16,1024}/y,
      alphabet: /[A-Za-z0-9_-]/,
      check: notFiller,
    },
    examples: {
      hit: [
        'ghs' +
          '_1234567_eyJhbGciOiJSUzI1NiJ9' +
          '.eyJpc3MiOiJnaXRodWIiLCJleHAiOjF9' +
          '.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4',
      ],
      miss: ['ghs_1234567_eyJhbGciOiJSUzI1NiJ9', 'ghs_APPID_JWT'],
    },
  },
  {
    ...secretDefaults,
    id: 'github-pat',
    title: 'GitHub fine-grained personal access token',
    source: 'docs.github.com, About authentication to GitHub, token formats',
    literals: ['github_pat_'],
    format: {
      kind: 'pattern',
      pattern: /github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}/y,
      alphabet: /[A-Za-z0-9_]/,
      check: notFiller,
    },
    examples: {
      hit: [
        'github' +
          '_pat_11ABCDEFG0aBcDeFgHiJkL_' +
          'mN3pQ5rS7tU9vW1xY2zA4bC6dE8fG0hJkL2mN4pQ6rS8tU0vW2xY4zA6bC8',
      ],
      miss: [
        'github_pat_' + 'x'.repeat(22) + '_' + 'x'.repeat(59),
        'github_pat_example',
        'a_github_pat_variable_name',
      ],
    },
  },
];

/** How documentation fills up a name to the length of a token. Of real ones, whose last six characters are the checksum, none in 10^14 ends so. */
const zerosAtEnd = /0{8}$/;
