import type { LiteralDetector } from '../detector.ts';
import { inParts, secretDefaults } from '../detector.ts';
import { notFiller, notWords } from '../randomness.ts';
import { gradeByChecksum } from './checksum.ts';

/** Vendors whose published token format is distinctive by itself: one entry each. */
export const vendorDetectors: readonly LiteralDetector[] = [
  {
    ...secretDefaults,
    id: 'slack-token',
    title: 'Slack token (bot, user, app, refresh, configuration)',
    source: 'docs.slack.dev, Tokens: xoxb-, xoxp-, xoxa-, xoxr-, xoxs-, xoxe-, xapp-',
    literals: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxe-', 'xoxe.xox', 'xapp-'],
    format: {
      kind: 'pattern',
      pattern: /(?:xox[abceprs]|xoxe\.xox[bp]|xapp)-[0-9]{1,14}-[A-Za-z0-9-]{16,512}/y,
      alphabet: /[A-Za-z0-9-]/,
      check: notFiller,
    },
    examples: {
      hit: [
        inParts('xox', 'b-263594206564-2343594206574-', 'FGqddMF8t08v8N7Oq4i57vs1'),
        inParts('xox', 'e.xoxp-1-', 'Mi0yLTkwNzY4Mjk0MTUyMy05ODc2NTQzMjEw'),
        inParts('xapp', '-1-A0B1C2D3E4F-1234567890123-', '0f1e2d3c4b5a69788796a5b4c3d2e1f0'),
        inParts('xox', 'c-263594206564-263594206564-2343594206574-', '0f1e2d3c4b5a69788796a5b4c3d2e1f0'),
      ],
      miss: ['xoxb-your-token-here', 'xoxb-1-aaaaaaaaaaaaaaaaaaaaaaa', 'xoxp-'],
    },
  },
  {
    ...secretDefaults,
    id: 'slack-webhook',
    title: 'Slack incoming webhook',
    source: 'docs.slack.dev, Sending messages using incoming webhooks',
    literals: ['hooks.slack.com/'],
    format: {
      kind: 'pattern',
      pattern:
        /hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9]{8,14}\/[A-Za-z0-9]{8,20}\/[A-Za-z0-9/]{16,80}/y,
      alphabet: /[A-Za-z0-9]/,
      check: notFiller,
    },
    examples: {
      hit: [
        inParts('https://hooks.slack', '.com/services/T01ABCDEF2/B02GHIJKL3/', 'q7Lm2VtR9xKd4WfYb8NzPc3H'),
      ],
      miss: [
        'https://hooks.slack.com/services/T/B/X',
        'https://hooks.slack.com/services/<team>/<hook>/<secret>',
      ],
    },
  },
  {
    ...secretDefaults,
    id: 'stripe-key',
    title: 'Stripe secret or restricted key',
    source:
      'docs.stripe.com, API keys: sk_live_, sk_test_, rk_live_, rk_test_; webhook signing secrets whsec_',
    literals: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'],
    format: {
      kind: 'pattern',
      pattern: /(?:[rs]k_(?:live|test)_[A-Za-z0-9]{20,247}|whsec_[A-Za-z0-9]{32,64})/y,
      alphabet: /[A-Za-z0-9_]/,
      check: notFiller,
    },
    examples: {
      hit: [
        inParts('sk_live', '_4eC39HqLyjWDarjtT1zdp7dc'),
        inParts('rk_test', '_51Hq3nV8xT0pQmV4nXk2LtYc7'),
      ],
      miss: [
        'sk_live_' + 'x'.repeat(24),
        'sk_test_key',
        'pk_live_4eC39HqLyjWDarjtT1zdp7dc',
        'task_test_4eC39HqLyjWDarjtT1zdp7dc',
      ],
    },
  },
  {
    ...secretDefaults,
    id: 'google-api-key',
    title: 'Google API key',
    source: 'cloud.google.com, Manage API keys: AIza and 35 characters',
    literals: ['AIza'],
    format: {
      kind: 'pattern',
      pattern: /AIza[A-Za-z0-9_-]{35}/y,
      alphabet: /[A-Za-z0-9_-]/,
      check: notFiller,
    },
    examples: {
      hit: [inParts('AIza', 'SyD3f8Gh2KlMn0Pq-rStUvWxYz_1234567A')],
      miss: ['AIza' + '0'.repeat(35), 'AIzaSyTooShort', 'AIzaSyD3f8Gh2KlMn0PqRrStUvWxYz012345678901234567'],
    },
  },
  {
    ...secretDefaults,
    id: 'npm-token',
    title: 'npm access token',
    source: 'github.blog changelog 2021-09-23, npm has a new access token format',
    literals: ['npm_'],
    format: {
      kind: 'pattern',
      pattern: /npm_[A-Za-z0-9]{36}/y,
      alphabet: /[A-Za-z0-9_]/,
      check: gradeByChecksum,
      isProvable: true,
    },
    examples: {
      hit: [
        inParts('npm', '_qkJaB6MffYVzZXWqmcoF49yrUxP3wf0LsakP'),
        inParts('//registry.example/:_authToken=npm', '_q7Lm2VtR9xKd4WfYb8NzPc3HsGj6Te1uAeXv'),
      ],
      miss: ['npm_' + 'x'.repeat(36), 'npm_config_registry', 'npm_lifecycle_event'],
    },
  },
  {
    ...secretDefaults,
    id: 'gitlab-token',
    title: 'GitLab token (personal, deploy, runner, pipeline trigger, feed, agent)',
    source: 'docs.gitlab.com, Token overview, token prefixes; routable tokens',
    literals: [
      'glpat-',
      'gldt-',
      'glrt-',
      'glptt-',
      'glft-',
      'glagent-',
      'glsoat-',
      'gloas-',
      'glcbt-',
      'glimt-',
      'glffct-',
      'glrtr-',
      'glwt-',
    ],
    format: {
      kind: 'pattern',
      pattern:
        /gl(?:pat|dt|rtr|rt|ptt|ft|agent|soat|oas|cbt|imt|ffct|wt)-[A-Za-z0-9_-]{20,300}(?:\.[a-z0-9]{2,9})?(?:\.[a-z0-9]{7,9})?/y,
      alphabet: /[A-Za-z0-9_-]/,
      check: notWords,
    },
    examples: {
      hit: [
        inParts('glpat', '-z_sxgtrfAxKr8q1TPY8Y'),
        inParts('glpat', '-zXsxgtrfAxKrBqPTPYwY'),
        inParts('glffct', '-z_sxgtrfAxKr8q1TPY8Y'),
        inParts('glpat', '-bzsxgtrfAxKr8q1TPY8YpQmV4nXk2.01.0w1abcd23'),
      ],
      miss: [
        'glpat-your-token',
        'glpat-the-personal-access-token-of-yours',
        'glpat-' + 'x'.repeat(20),
        'glrt-0123',
      ],
    },
  },
  {
    ...secretDefaults,
    id: 'openai-key',
    title: 'OpenAI API key',
    source:
      'platform.openai.com, API keys: sk-proj-, sk-svcacct-, sk-admin-, and sk- with T3BlbkFJ in the middle',
    literals: ['sk-'],
    format: {
      kind: 'pattern',
      pattern: /sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})/y,
      alphabet: /[A-Za-z0-9_-]/,
      check: notFiller,
    },
    examples: {
      hit: [
        inParts('sk', '-q7Lm2VtR9xKd4WfYb8Nz', 'T3BlbkFJ', 'Pc3HsGj6Te1uAeXvq7Lm'),
        inParts(
          'sk',
          '-proj-q7Lm2VtR9xKd4WfYb8Nz-Pc3HsGj6Te1_',
          'T3BlbkFJ',
          '0pQmV4nXk2LtYc7WbH9sDfJ6uEaGi1oMxTq',
        ),
      ],
      miss: ['T3BlbkFJ is OpenAI in base64', 'sk-proj-your-key', 'ask-q7Lm2VtR9xKd4WfYb8NzPc3HsGj6Te1uAeXv'],
    },
  },
  {
    ...secretDefaults,
    id: 'anthropic-key',
    title: 'Anthropic API key',
    source:
      'docs.anthropic.com, API keys: sk-ant-api03-, sk-ant-admin01-, sk-ant-oat01-, 93 characters and AA',
    literals: ['sk-ant-'],
    format: {
      kind: 'pattern',
      pattern: /sk-ant-[a-z]{2,12}[0-9]{2}-[A-Za-z0-9_-]{32,160}/y,
      alphabet: /[A-Za-z0-9_-]/,
      check: notFiller,
    },
    examples: {
      hit: [
        inParts(
          'sk-ant',
          '-api03-q7Lm2VtR9xKd4WfYb8NzPc3HsGj6Te1uAeXv-0pQmV4nXk2_LtYc7WbH9sDfJ6uEaGi1oMxTqAA',
        ),
      ],
      miss: ['sk-ant-api03-your-key', 'sk-ant-api03-' + 'x'.repeat(95)],
    },
  },
];
