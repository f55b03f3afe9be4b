/** `kill -9` of the api at every step of a call and of a session. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { callSteps, expectRecovered, outcomeOf, sessionSteps } from '../support/kill-steps.ts';
import { gone } from '../support/processes.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const dataDir = mkdtempSync(path.join(tmpdir(), 'sallyport-matrix-'));
let server: TestServer;
let events: ContainerEvents;
beforeAll(async () => {
  await buildImages('python');
  server = await startServer({ dataDir });
  events = await ContainerEvents.of(server, dockerHost ?? 'unix:///var/run/docker.sock');
}, 600_000);
afterAll(async () => {
  await server.stop('SIGTERM');
  events[Symbol.dispose]();
  rmSync(dataDir, { recursive: true });
}, 60_000);

/** What the record says afterwards: a call that may have run is `unknown`, whatever it had come to. */
const outcomes: Readonly<Record<string, RegExp>> = {
  'while a session is opened': /^not opened$/,
  'while a call runs in a session': /^runner_lost$/,
  'while a session waits': /^runner_lost$/,
  'while a session is ended': /^(deleted|runner_lost)$/,
};

test.each([...callSteps, ...sessionSteps])(
  '$name: nothing acknowledged is lost, the call is closed, no container is left',
  async (step) => {
    const held = await step.hold({ server, events });
    const runner = server.runnerPid;
    await server.stop('SIGKILL');
    held.release?.();
    await gone(runner);
    server = await startServer({ dataDir });
    expect(await outcomeOf(server, held)).toMatch(outcomes[step.name] ?? /^unknown$/);
    await expectRecovered({ server, events });
  },
);

test('SIGTERM after all that leaves no container', async () => {
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await events.count()).toBe(0);
});
