/** An engine that has no runtime `runsc`: nothing of it runs under another one instead. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { examineHost } from '../../../src/cli/doctor/examine.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { containerObjection } from '../../../src/execution/container/self-test.ts';
import { openConfinement } from '../../support/contained-isolates.ts';
import { imagesDirectory, openExecutor } from '../../support/container-calls.ts';
import { PrivateEngine } from '../../support/private-engine.ts';

let engine: PrivateEngine;
beforeAll(async () => {
  engine = await PrivateEngine.start();
}, 60_000);
afterAll(async () => await engine[Symbol.asyncDispose]());

test('a tool that asks for it is refused before anything starts, and says so', async () => {
  await using executor = openExecutor({ dockerHost: engine.address });
  expect(await containerObjection(executor, 'runsc')).toContain('the engine has no runtime runsc');
});

test('isolate workers are not confined by it', async () => {
  await expect(openConfinement({ dockerHost: engine.address, engineRuntime: 'runsc' })).rejects.toThrow(
    'the engine has no runtime runsc',
  );
});

test('doctor says how to get it', async () => {
  const { config } = loadConfig({ DOCKER_HOST: engine.address });
  const { runtimes } = await examineHost(config, imagesDirectory, { isDeep: false });
  expect(runtimes.find(({ confinement }) => confinement === 'runsc')).toMatchObject({
    state: 'unavailable',
    isUsed: false,
    reason: 'the engine has no runtime runsc',
    remedies: [expect.stringContaining('runsc'), expect.stringContaining('daemon.json')],
  });
});
