import { describe, expect, test } from 'vitest';
import type { BoundaryProfile } from '../../src/model/finding.ts';
import { buildBoundary, bytes, githubPlaceholder, githubToken, output, profile } from './support/filter.ts';

const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 1, 2, 255]);

function filterArtifacts(
  artifacts: readonly { readonly name: string; readonly data: Uint8Array }[],
  profiles: readonly BoundaryProfile[] = [],
) {
  const declared = artifacts.map((artifact) => ({ ...artifact, mediaType: 'application/octet-stream' }));
  return buildBoundary().filterOutput(output({ artifacts: declared }), profiles);
}

function allowing(artifacts: BoundaryProfile['artifacts']): BoundaryProfile {
  return { ...profile('outbound', {}), artifacts };
}

test('a text artifact is filtered, name and content', () => {
  const { artifacts, report } = filterArtifacts([
    { name: 'plain.txt', data: bytes('ä nothing') },
    { name: `${githubToken}.txt`, data: bytes(`ä ${githubToken}\u001b[0m\n`) },
  ]);

  expect(artifacts.map(({ index, name, data }) => [index, name, new TextDecoder().decode(data)])).toEqual([
    [0, 'plain.txt', 'ä nothing'],
    [1, `${githubPlaceholder}.txt`, `ä ${githubPlaceholder}\n`],
  ]);
  expect(report.findings.map(({ detector, where }) => `${detector} ${where}`)).toEqual([
    'github-token /artifacts/1@3',
    'ansi-escape /artifacts/1@43',
    'github-token /artifacts/1/name',
  ]);
});

test('a clean artifact keeps its bytes, a byte order mark included', () => {
  const text = bytes('\ufeffa,b\r\n');

  const { artifacts, report } = filterArtifacts([
    { name: 'plot.png', data: png },
    { name: 'a.csv', data: text },
  ]);

  expect(artifacts[0]?.data).toBe(png);
  expect(artifacts[1]?.data).toBe(text);
  expect(report.verdict).toBe('clean');
});

test('a binary artifact with a secret in it is withheld, and the others stay', () => {
  const binary = new Uint8Array([...png, ...bytes(` ${githubToken}`), 0]);

  const { artifacts, report, blocked } = filterArtifacts([
    { name: 'core', data: binary },
    { name: 'plot.png', data: png },
  ]);

  expect(blocked).toBe(false);
  expect(artifacts.map(({ index, name }) => [index, name])).toEqual([[1, 'plot.png']]);
  expect(report.findings).toMatchObject([
    { detector: 'github-token', action: 'redact', where: '/artifacts/0@13' },
  ]);
});

test('a binary artifact with a secret that is only flagged stays', () => {
  const binary = new Uint8Array([0, ...bytes(githubToken)]);

  const { artifacts, report } = filterArtifacts(
    [{ name: 'core', data: binary }],
    [profile('outbound', { 'github-token': 'flag' })],
  );

  expect(artifacts[0]?.data).toBe(binary);
  expect(report.verdict).toBe('flagged');
});

describe('what a profile lets out', () => {
  const webp = bytes('RIFF\u0001\u0001\u0001\u0001WEBPVP8 ');
  const candidates = [
    { name: 'a.png', data: png },
    { name: 'b.png', data: bytes('<svg onload="alert(1)"/>') },
    { name: 'c.webp', data: webp },
    { name: 'd.gif', data: bytes('GIF89a') },
    { name: 'e.jpg', data: new Uint8Array([0xff, 0xd8, 0xff, 0xe0]) },
    { name: 'f.wav', data: bytes('RIFF\u0001\u0001\u0001\u0001WAVEfmt ') },
  ];

  test('images are told by their content, not by their name', () => {
    const { artifacts, report } = filterArtifacts(candidates, [allowing('images')]);

    expect(artifacts.map(({ name }) => name)).toEqual(['a.png', 'c.webp', 'd.gif', 'e.jpg']);
    expect(report.findings).toMatchObject([
      { detector: 'artifact-not-allowed', action: 'redact', where: '/artifacts/1' },
      { detector: 'artifact-not-allowed', action: 'redact', where: '/artifacts/5' },
    ]);
  });

  test('the strictest of several profiles counts', () => {
    const names = (...profiles: BoundaryProfile[]) => filterArtifacts(candidates, profiles).artifacts.length;

    expect(names(allowing('any'))).toBe(6);
    expect(names(allowing('any'), allowing('images'))).toBe(4);
    expect(names(allowing('images'), allowing('none'), allowing('any'))).toBe(0);
  });
});
