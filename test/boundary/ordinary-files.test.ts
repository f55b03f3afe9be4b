/** What agents read all day comes through the shipped profile `standard` byte for byte: lock files, source, declarations. */
import { globSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { detectorIds } from '../../src/boundary/detectors.ts';
import type { BoundaryProfile } from '../../src/model/finding.ts';
import { compile } from '../../src/policy/compile/compile.ts';
import { buildBoundary, output } from './support/filter.ts';

let standard: BoundaryProfile;
beforeAll(async () => {
  const compiled = await compile({ directories: ['policies'], knownDetectors: detectorIds });
  const profile = compiled.ok ? compiled.revision.boundaries.get('standard') : undefined;
  if (profile === undefined) throw new Error('the shipped policies do not compile');
  standard = profile;
});

const packages = '{express,ajv,yaml,pino,commander,helmet,jose,better-sqlite3}';
const kinds = {
  'lock files and manifests': ['package-lock.json', 'tsconfig.json', `node_modules/*/package.json`],
  'source code': [`node_modules/${packages}/{lib,dist,src}/*.{js,cjs,mjs}`],
  'type declarations': [`node_modules/${packages}/**/*.d.ts`],
  documentation: [`node_modules/${packages}/*.md`],
  'our own source': ['src/{api,calls,policy,audit,execution}/**/*.ts', 'sandbox-images/**/*.{py,js,sh}'],
};

test.each(Object.entries(kinds))('%s', (_, patterns) => {
  const files = globSync(patterns).toSorted();
  expect(files.length).toBeGreaterThan(5);
  const boundary = buildBoundary();
  const changed = files.filter((file) => {
    const stdout = readFileSync(file);
    return boundary.filterOutput(output({ stdout }), [standard]).stdout !== stdout.toString('utf8');
  });
  expect(changed).toEqual([]);
});
