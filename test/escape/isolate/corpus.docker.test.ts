/** The corpus with workers in containers. */
import { randomUUID } from 'node:crypto';
import { beforeAll } from 'vitest';
import { buildWorkerImage, createContainedExecutor, workerPidsOf } from '../../support/contained-isolates.ts';
import { describeEscapeCorpus } from './suite.ts';

const instance = `test-corpus-${randomUUID()}`;
beforeAll(async () => await buildWorkerImage(), 600_000);

describeEscapeCorpus({
  name: 'container',
  create: () => createContainedExecutor(instance),
  workerPids: () => workerPidsOf(instance),
});
