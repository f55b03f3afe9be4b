import { expect, test } from 'vitest';
import { createBoundary } from '../../src/boundary/boundary.ts';
import { FileFilter } from '../../src/boundary/file-filter.ts';
import type { BoundaryProfile } from '../../src/model/finding.ts';

const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
const standard: BoundaryProfile = {
  name: 'standard',
  inbound: { detectors: {} },
  outbound: { detectors: {} },
  artifacts: 'any',
  taints: {},
  stream: 'buffered',
};
const strict: BoundaryProfile = { ...standard, inbound: { detectors: { '*': 'block' } } };
const options = { redactionKey: Buffer.alloc(32, 7), knownSecrets: [] };
const filter = new FileFilter(createBoundary(options), () => options);

function fileOf(sizeBytes: number, more = ''): { name: string; mediaType: string; data: Buffer } {
  const data = Buffer.from('a line of words\n'.repeat(Math.ceil(sizeBytes / 16)) + more);
  return { name: 'notes.txt', mediaType: 'text/plain', data };
}

test('what a file comes out as does not depend on its size, here or on a thread', async () => {
  for (const sizeBytes of [100, 400_000]) {
    const clean = fileOf(sizeBytes);
    const out = await filter.filter(clean, [standard]);
    expect([out.report.verdict, Buffer.from(out.file?.data ?? []).equals(clean.data)]).toEqual([
      'clean',
      true,
    ]);
    const found = await filter.filter(fileOf(sizeBytes, `key = "${secret}"`), [standard]);
    const text = Buffer.from(found.file?.data ?? []).toString();
    expect(found.report.verdict).toBe('redacted');
    expect(text).toContain('[REDACTED:');
    expect(text).not.toContain(secret);
    const withheld = await filter.filter(clean, [{ ...standard, artifacts: 'none' }]);
    expect(withheld.file).toBeNull();
    expect(await filter.check(clean, [strict])).toMatchObject({ blocked: false });
    expect(await filter.check(fileOf(sizeBytes, secret), [strict])).toMatchObject({ blocked: true });
  }
});

test('a large file does not keep this thread; more than two at once wait for their turn', async () => {
  const work = Promise.all([1, 2, 3].map(() => filter.filter(fileOf(400_000), [standard])));
  const turn = new Promise((resolve) => setImmediate(() => resolve('the event loop turned')));
  expect(await Promise.race([work, turn])).toBe('the event loop turned');
  expect((await work).map(({ report }) => report.verdict)).toEqual(['clean', 'clean', 'clean']);
});

test('a filter that breaks withholds and blocks', async () => {
  const profiles = [{ ...standard, outbound: null, inbound: null } as unknown as BoundaryProfile];
  expect(await filter.filter(fileOf(400_000), profiles)).toMatchObject({ file: null });
  expect(await filter.check(fileOf(400_000), profiles)).toMatchObject({ blocked: true });
});
