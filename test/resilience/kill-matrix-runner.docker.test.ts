/** `kill -9` of the runner at every step of a call and of a session. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { buildImages, dockerHost } from '../support/container-calls.ts';
import { ContainerEvents } from '../support/container-events.ts';
import { callSteps, expectRecovered, outcomeOf, sessionSteps } from '../support/kill-steps.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

beforeAll(async () => await buildImages('python'), 600_000);

/** The api has its whole result by then. */
const outcomes: Readonly<Record<string, RegExp>> = {
  'while its outcome is written': /^succeeded$/,
  'while a session is opened': /^runtime_unavailable$/,
  'while a call runs in a session': /^runner_lost$/,
  'while a session waits': /^runner_lost$/,
  'while a session is ended': /^(deleted|runner_lost)$/,
};

// Apart, as the api waits longer for each further runner that did not live for long.
describe.each([
  ['a call', callSteps],
  ['a session', sessionSteps],
])('%s', (_what, steps) => {
  let server: TestServer;
  let events: ContainerEvents;
  beforeAll(async () => {
    server = await startServer();
    events = await ContainerEvents.of(server, dockerHost ?? 'unix:///var/run/docker.sock');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    events[Symbol.dispose]();
  }, 60_000);

  test.each(steps)(
    '$name: the api says what became of it, another runner serves, no container is left',
    async (step) => {
      const held = await step.hold({ server, events });
      const killed = server.runnerPid;
      process.kill(killed, 'SIGKILL');
      held.release?.();
      await server.logged(({ msg }) => msg === 'runner connected' && server.runnerPid !== killed);
      expect(await outcomeOf(server, held)).toMatch(outcomes[step.name] ?? /^unknown$/);
      await expectRecovered({ server, events });
    },
  );

  test('SIGTERM after all that leaves no container', async () => {
    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await events.count()).toBe(0);
  });
});
