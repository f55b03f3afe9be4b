import type { Boundary, FilteredOutput, ToolOutput } from '../../../src/boundary/boundary.ts';
import { createBoundary } from '../../../src/boundary/boundary.ts';
import type { Action, BoundaryProfile } from '../../../src/model/finding.ts';
import type { JsonValue } from '../../../src/model/json.ts';

/** A GitHub token with a valid checksum and an AWS key, written in parts for the sake of secret scanners. */
export const githubToken = ['ghp', 'zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17'].join('_');
export const githubPlaceholder = '[REDACTED:github-token:67e0]';
export const awsSecretKey = ['Zr8/0pQmV4nXk2+LtYc7', 'WbH9sDfJ6uEaGi1oMxTq'].join('');

export const redactionKey = new Uint8Array(32).fill(7);

export function buildBoundary(): Boundary {
  return createBoundary({ redactionKey, knownSecrets: [] });
}

export function profile(
  direction: 'inbound' | 'outbound',
  detectors: Record<string, Action>,
): BoundaryProfile {
  const none = { detectors: {} };
  return {
    name: 'test',
    inbound: none,
    outbound: none,
    artifacts: 'any',
    taints: {},
    detectors: [],
    allow: { hosts: [], texts: [] },
    stream: 'buffered',
    [direction]: { detectors },
  };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function output(parts: Partial<ToolOutput>): ToolOutput {
  return { result: null, error: null, stdout: bytes(''), stderr: bytes(''), artifacts: [], ...parts };
}

export function filterResult(result: JsonValue, profiles: readonly BoundaryProfile[] = []): FilteredOutput {
  return buildBoundary().filterOutput(output({ result }), profiles);
}

export function filterStdout(text: string, profiles: readonly BoundaryProfile[] = []): FilteredOutput {
  return buildBoundary().filterOutput(output({ stdout: bytes(text) }), profiles);
}
