/** The same contract with workers in containers. */
import { randomUUID } from 'node:crypto';
import { beforeAll } from 'vitest';
import { describeSandboxExecutor, describeSandboxExecutorEnd } from '../../contract/sandbox-executor.ts';
import { buildWorkerImage, createContainedExecutor } from '../../support/contained-isolates.ts';
import { isolateSubject } from './contract-subject.ts';

beforeAll(async () => await buildWorkerImage(), 600_000);

const subject = isolateSubject('isolate in a container', () =>
  createContainedExecutor(`test-contract-${randomUUID()}`),
);
describeSandboxExecutor(subject);
describeSandboxExecutorEnd(subject);
