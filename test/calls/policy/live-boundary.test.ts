/** The filter across changes of policy: which secrets it looks for, and when. */
import { expect, test } from 'vitest';
import { LiveBoundary } from '../../../src/calls/policy/live-boundary.ts';
import type { CredentialSource } from '../../../src/policy/revision.ts';

const secrets: Record<string, string> = {
  old: 'first-warehouse-password',
  next: 'other-warehouse-password',
  trap: 'nobody-has-a-reason-to-hold-this',
};

const credential = (name: string, isDecoy = false): CredentialSource => ({
  name,
  from: { env: name },
  isDecoy,
});

function boundaryFor(...credentials: CredentialSource[]): LiveBoundary {
  return new LiveBoundary(
    { credentials, boundaries: new Map() },
    {
      redactionKey: new Uint8Array(32),
      readSecrets: (sources) =>
        sources.map(({ name, isDecoy }) => {
          const secret = secrets[name];
          if (secret === undefined) throw new Error(`${name} is missing`);
          return { id: name, secret, isDecoy };
        }),
    },
  );
}

const text = 'it is first-warehouse-password or other-warehouse-password';

test('a new secret is looked for once its revision is in force, and an earlier one still', () => {
  const boundary = boundaryFor(credential('old'));
  const putInForce = boundary.prepare({ credentials: [credential('next')], boundaries: new Map() });
  expect(boundary.redactText(text)).toMatch(/^it is \[REDACTED:old:\w+\] or other-warehouse-password$/);
  putInForce();
  expect(boundary.redactText(text)).toMatch(/^it is \[REDACTED:old:\w+\] or \[REDACTED:next:\w+\]$/);
});

test('a secret that cannot be read leaves the filter as it was', () => {
  const boundary = boundaryFor(credential('old'));
  expect(() => boundary.prepare({ credentials: [credential('absent')], boundaries: new Map() })).toThrow(
    'absent is missing',
  );
  expect(boundary.redactText(text)).toMatch(/^it is \[REDACTED:old:\w+\] or other-warehouse-password$/);
});

test('a decoy that policy no longer has blocks nothing any more', () => {
  const boundary = boundaryFor(credential('trap', true));
  const args = { text: secrets['trap'] ?? '' };
  expect(boundary.checkArguments(args, []).blocked).toBe(true);
  boundary.prepare({ credentials: [], boundaries: new Map() })();
  expect(boundary.checkArguments(args, []).blocked).toBe(false);
});
