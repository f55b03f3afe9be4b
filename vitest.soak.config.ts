import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Property tests are those that use fast-check; their files are told by that import alone. */
const propertyTests = globSync('test/**/*.test.ts').filter((file) =>
  readFileSync(file, 'utf8').includes("'fast-check'"),
);

export default defineConfig({
  test: {
    include: ['test/soak/**/*.soak.ts', ...propertyTests],
    setupFiles: ['test/support/soak-runs.ts'],
    pool: 'forks',
    maxWorkers: 2,
    retry: 0,
    testTimeout: 30 * 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
