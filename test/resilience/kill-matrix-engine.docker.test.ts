/** `kill -9` of dockerd at every step of a call and of a session; it is a private one. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { callSteps, expectRecovered, outcomeOf, sessionSteps } from '../support/kill-steps.ts';
import { PrivateEngine } from '../support/private-engine.ts';
import { gone } from '../support/processes.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

/** Taken down in any case: an engine that stays behind keeps its mounts. */
const made = new AsyncDisposableStack();
let engine: PrivateEngine;
let server: TestServer;
let events: ContainerEvents;
beforeAll(async () => {
  await buildImages('python');
  engine = made.use(await PrivateEngine.start('python'));
  server = made.use(await startServer({ environment: { DOCKER_HOST: engine.address } }));
  events = await ContainerEvents.of(server, engine.address);
}, 600_000);
afterAll(async () => {
  await made.disposeAsync();
  events[Symbol.dispose]();
}, 60_000);

/** Refused where nothing ran; done where the runner had the whole result, or needs no engine any more. */
const outcomes: Readonly<Record<string, RegExp>> = {
  'before the claim': /^runtime_unavailable$/,
  'while its container is made': /^(runtime_unavailable|unknown)$/,
  'once it is acknowledged': /^(cancelled|unknown)$/,
  'while its result is framed': /^(succeeded|unknown)$/,
  'while its outcome is written': /^succeeded$/,
  'while a session is opened': /^runtime_unavailable$/,
  'while a call runs in a session': /^container_ended$/,
  'while a session waits': /^container_ended$/,
  'while a session is ended': /^deleted$/,
};

test.each([...callSteps, ...sessionSteps])(
  '$name: what runs is ended, the call is closed, the service serves once dockerd is back, no container is left',
  async (step) => {
    const held = await step.hold({ server, events });
    await engine.kill();
    held.release?.();
    if (held.sandbox !== undefined) await gone(held.sandbox);
    await engine.up();
    events[Symbol.dispose]();
    events = await ContainerEvents.of(server, engine.address);
    expect(await outcomeOf(server, held)).toMatch(outcomes[step.name] ?? /^unknown$/);
    await expectRecovered({ server, events });
  },
);

test('SIGTERM after all that leaves no container', async () => {
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await events.count()).toBe(0);
});
