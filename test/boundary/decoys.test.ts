import { describe, expect, test } from 'vitest';
import { createBoundary } from '../../src/boundary/boundary.ts';
import type { ToolOutput } from '../../src/boundary/boundary.ts';
import { bytes, githubToken, output, profile, redactionKey } from './support/filter.ts';

const decoy = 'kX9-warehouse-admin-2f81';
const trap = createBoundary({
  redactionKey,
  knownSecrets: [
    { id: 'warehouse', secret: decoy, isDecoy: true },
    { id: 'git', secret: githubToken, isDecoy: true },
    { id: 'real', secret: 'another-secret-of-ours' },
  ],
});
const lenient = [profile('outbound', { '*': 'allow' }), profile('inbound', { '*': 'allow' })];
const artifact = { name: 'a.txt', mediaType: 'text/plain', data: bytes('nothing') };

describe('a decoy blocks, whatever profiles say, where it stands in', () => {
  test.each<[string, Partial<ToolOutput>]>([
    ['a result', { result: { rows: [{ password: decoy }] } }],
    ['a key of a result', { result: { [decoy]: 1 } }],
    ['the message of an error', { error: { name: 'Error', message: `refused: ${decoy}` } }],
    ['a stack', { error: { name: 'Error', message: 'x', stack: `at login (${decoy})` } }],
    ['stdout', { stdout: bytes(`password=${decoy}\n`) }],
    ['stderr', { stderr: bytes(Buffer.from(`user:${decoy}`).toString('base64')) }],
    ['the name of an artifact', { artifacts: [{ ...artifact, name: `${decoy}.txt` }] }],
    ['a text artifact', { artifacts: [{ ...artifact, data: bytes(`x ${decoy} x`) }] }],
    [
      'a binary artifact',
      { artifacts: [{ ...artifact, data: new Uint8Array([0, 255, 0, ...bytes(decoy)]) }] },
    ],
  ])('%s', (_, parts) => {
    const filtered = trap.filterOutput(output(parts), lenient);

    expect(filtered).toMatchObject({ blocked: true, result: null, error: null, stdout: '', artifacts: [] });
    expect(filtered.report.findings).toContainEqual(
      expect.objectContaining({ detector: 'decoy:warehouse', action: 'block', confidence: 'high' }),
    );
    expect(JSON.stringify(filtered)).not.toContain(decoy);
  });

  test('arguments, whose copy for the record does not hold it', () => {
    const checked = trap.checkArguments({ sql: `login ${decoy}` }, lenient);

    expect(checked.blocked).toBe(true);
    expect(checked.report.findings).toMatchObject([{ detector: 'decoy:warehouse', where: '/sql' }]);
    expect(JSON.stringify(checked)).not.toContain(decoy);
  });
});

test('a decoy in the form of a vendor is a decoy first', () => {
  const { report, blocked } = trap.filterOutput(output({ stdout: bytes(`token ${githubToken}`) }), []);

  expect(blocked).toBe(true);
  expect(report.findings.map(({ detector }) => detector)).toContain('decoy:git');
});

test('a secret that is no decoy keeps being taken out', () => {
  const { report, stdout } = trap.filterOutput(output({ stdout: bytes('a another-secret-of-ours b') }), []);

  expect(stdout).toMatch(/^a \[REDACTED:real:[0-9a-f]{4}\] b$/);
  expect(report.findings).toMatchObject([{ detector: 'known-secret', action: 'redact' }]);
});

test('log lines lose a decoy too', () => {
  expect(trap.redactText(`boom ${decoy}`)).toMatch(/^boom \[REDACTED:warehouse:[0-9a-f]{4}\]$/);
});
