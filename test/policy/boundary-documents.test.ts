import { expect, test } from 'vitest';
import { compileText, problemsOf } from '../support/policy-directory.ts';

const boundary = (spec: string, name = 'standard') => `apiVersion: sallyport/v1
kind: Boundary
metadata: {name: ${name}}
spec:
${spec}
`;
const detector = (change: Record<string, string> = {}) => {
  const fields = {
    id: 'acme-ticket',
    keywords: '[acme_]',
    pattern: "'acme_[a-z0-9]{8}'",
    examples: '{hit: [acme_0a1b2c3d], miss: [acme_short]}',
    ...change,
  };
  const lines = Object.entries(fields).map(([key, value]) => `${key}: ${value}`);
  return `  detectors:\n    - ${lines.join('\n      ')}\n`;
};

test('a detector of ops stands in its profile with flag and redact, unless it says otherwise', async () => {
  const text = `${boundary(detector())}---\n${boundary('  outbound: {acme-ticket: block}', 'hard')}`;
  const { boundaries } = await compileText(text);

  expect(boundaries.get('standard')).toMatchObject({
    inbound: { detectors: { 'acme-ticket': 'flag' } },
    outbound: { detectors: { 'acme-ticket': 'redact' } },
    detectors: [{ id: 'acme-ticket', title: 'acme-ticket', keywords: ['acme_'] }],
    allow: { hosts: [], texts: [] },
  });
  expect(boundaries.get('hard')).toMatchObject({ outbound: { detectors: { 'acme-ticket': 'block' } } });
});

test.each([
  [
    'looks around',
    detector({ pattern: "'(?<!x)acme_[a-z0-9]{8}'" }),
    /^8:16 \/spec\/detectors\/0\/pattern not a pattern that matches in linear time \(RE2\): .* \(no look-around, no back-references\)$/,
  ],
  [
    'does not find its example',
    detector({ examples: '{hit: [acme_0a1b2c3d, acme_x], miss: [b]}' }),
    /^9:39 \/spec\/detectors\/0\/examples\/hit\/1 this example is not found \(the pattern has to match within a line, with a keyword in the match\)$/,
  ],
  [
    'has an example without keyword',
    detector({ examples: '{hit: [ACME_0a1b2c3d], miss: [b]}' }),
    /^9:24 .* this example is not found \(none of the keywords is in it \(they are compared with their case\)\)$/,
  ],
  [
    'finds what it should leave',
    detector({ examples: '{hit: [acme_0a1b2c3d], miss: [acme_00000000]}' }),
    /^9:47 \/spec\/detectors\/0\/examples\/miss\/0 this example is found \(narrow the pattern\)$/,
  ],
  [
    'finds its own placeholder',
    detector({ keywords: '[acme]', pattern: "'acme\\S*'", examples: '{hit: [acme], miss: [b]}' }),
    /^8:16 \/spec\/detectors\/0\/pattern finds its own placeholder/,
  ],
  [
    'takes a name that is taken',
    detector({ id: 'github-pat' }),
    /^6:11 .* there is a detector "github-pat" already/,
  ],
  [
    'has no examples',
    detector({ examples: '{hit: [], miss: [b]}' }),
    /^9:23 \/spec\/detectors\/0\/examples\/hit must NOT have fewer than 1 items/,
  ],
  ['has a short keyword', detector({ keywords: '[ac]' }), /^7:18 .* must be 3 to 64 characters of ASCII$/],
  [
    'names no detector',
    '  taints: {github-pad: [a]}',
    /^5:\d+ \/spec\/taints\/github-pad unknown detector "github-pad" \(did you mean "github-pat"\?\)$/,
  ],
  [
    'allows all of a domain at the top',
    '  allow: {hosts: ["*.com"]}',
    /^5:19 .* must be a host such as img\.example\.com/,
  ],
  [
    "allows this deployment's secrets",
    '  allow: {texts: [{detector: known-secret, text: abcd}]}',
    /^5:30 \/spec\/allow\/texts\/0\/detector what known-secret finds is never harmless/,
  ],
])('one that %s is a mistake at its place', async (_, spec, problem) => {
  const problems = await problemsOf(boundary(spec));

  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(problem);
});

test('two profiles may not give one id two meanings', async () => {
  const problems = await problemsOf(`${boundary(detector())}---\n${boundary(detector(), 'other')}`);

  expect(problems).toEqual([
    '17:11 /spec/detectors/0/id profile standard has a detector "acme-ticket" (choose another id)',
  ]);
});
