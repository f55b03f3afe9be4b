/**
 * The steps of a container call and of a session. Each brings a server to that step and holds it there, on what can be
 * seen from outside, so that something can be killed in it.
 */
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, vi } from 'vitest';

import { callOf, countEvents, expectNothingLost, tryCall } from './acknowledged.ts';
import type { ContainerEvents } from './container-events.ts';
import { readEvents } from './read-events.ts';
import type { Answer, TestServer } from './server.ts';

export interface Rig {
  readonly server: TestServer;
  readonly events: ContainerEvents;
}

export interface HeldStep {
  /** Of the request under way; null when its connection was lost. */
  readonly answer: Promise<Answer | null>;
  /** The session that it is about. */
  readonly sessionId?: string;
  /** It is about a session that nobody has yet. */
  readonly isOpening?: true;
  /** First process of its container, where code runs or waits. */
  readonly sandbox?: number;
  /** Lets go of what is still held, after the kill. */
  readonly release?: () => void;
}

export interface Step {
  readonly name: string;
  hold(rig: Rig): Promise<HeldStep>;
}

/** More artifacts than credit, queues and sockets between container and api have room for. */
const artifactsCode = `
import os, time
while not os.path.exists("/work/go"): time.sleep(0.01)
for i in range(8): open(f"/work/out/{i}.bin", "wb").write(bytes(1_000_000))
`;
const endless = { code: 'import subprocess\nsubprocess.run(["sleep", "1000"])' };
const short = { code: 'open("/work/out/kept.txt", "w").write("kept")\n42' };

export const callSteps: readonly Step[] = [
  {
    name: 'before the claim',
    async hold({ server }) {
      const runner = server.runnerPid;
      process.kill(runner, 'SIGSTOP');
      const before = await countEvents(server, 'intent');
      const answer = tryCall(server, 'python_run', endless);
      let early: unknown = null;
      void answer.then((given) => (early = given));
      while ((await countEvents(server, 'intent')) === before)
        if (early !== null) throw new Error(`answered without an intent: ${JSON.stringify(early)}`);
      return { answer, release: () => wake(runner) };
    },
  },
  {
    name: 'while its container is made',
    async hold({ server, events }) {
      const before = events.of('create').length;
      const answer = tryCall(server, 'python_run', endless);
      await events.seen('create', before + 1);
      return { answer };
    },
  },
  {
    name: 'once it is acknowledged',
    async hold({ server }) {
      const answer = await server.request('POST', '/v1/calls', {
        body: { tool: 'python_run', args: endless },
        headers: { Prefer: 'respond-async' },
      });
      const followed = await fetch(`${server.url}/v1/calls/${answer.body.id}/events`, {
        headers: { Authorization: `Bearer ${server.key}` },
      });
      for await (const { type } of readEvents(followed)) if (type === 'started') break;
      return { answer: Promise.resolve(answer) };
    },
  },
  {
    name: 'while it runs',
    async hold({ server, events }) {
      const before = events.of('start').length;
      const answer = tryCall(server, 'python_run', endless);
      const sandbox = await events.runs(await events.seen('start', before + 1), 'sleep 1000');
      return { answer, sandbox };
    },
  },
  {
    name: 'while its result is framed',
    async hold({ server, events }) {
      const before = events.of('start').length;
      const answer = tryCall(server, 'python_run', { code: artifactsCode });
      const container = await events.seen('start', before + 1);
      const { pid = 0 } = server.child;
      await events.processes(container, (commands) => commands.length > 1);
      process.kill(pid, 'SIGSTOP');
      await events.execute(container, ['touch', '/work/go']);
      // The code has ended, and the supervisor has more to send than anybody takes.
      await events.processes(container, (commands) => commands.length === 1);
      return { answer, release: () => wake(pid) };
    },
  },
  {
    name: 'while its outcome is written',
    async hold({ server, events }) {
      const before = events.of('start').length;
      const noted = server.log.filter(isNotDurable).length;
      const code = 'import os, time\nwhile not os.path.exists("/work/go"): time.sleep(0.01)\n42';
      const answer = tryCall(server, 'python_run', { code });
      const container = await events.seen('start', before + 1);
      await events.processes(container, (commands) => commands.length > 1);
      const lock = new Database(path.join(server.dataDir, 'record.db'), { timeout: 10_000 });
      lock.exec('BEGIN IMMEDIATE');
      await events.execute(container, ['touch', '/work/go']);
      await server.logged((line) => isNotDurable(line) && server.log.filter(isNotDurable).length > noted);
      return { answer, release: () => void lock.close() };
    },
  },
];

export const sessionSteps: readonly Step[] = [
  {
    name: 'while a session is opened',
    async hold({ server, events }) {
      const before = events.of('create').length;
      const answer = openSession(server).catch(() => null);
      await events.seen('create', before + 1);
      return { answer, isOpening: true };
    },
  },
  {
    name: 'while a call runs in a session',
    async hold({ server, events }) {
      const before = events.of('start').length;
      const { body } = await openSession(server);
      const more = { session: body.id as string };
      const answer = server.call('python_run', endless, more).catch(() => null);
      const sandbox = await events.runs(await events.seen('start', before + 1), 'sleep 1000');
      return { answer, sandbox, sessionId: body.id };
    },
  },
  {
    name: 'while a session waits',
    async hold({ server, events }) {
      const before = events.of('start').length;
      const { body } = await openSession(server);
      const sandbox = await events.pid(await events.seen('start', before + 1));
      const kept = await server.call('python_run', { code: 'n = 1' }, { session: body.id });
      expect(callOf(kept).status).toBe('succeeded');
      return { answer: Promise.resolve(kept), sandbox, sessionId: body.id };
    },
  },
  {
    name: 'while a session is ended',
    async hold({ server, events }) {
      const { body } = await openSession(server);
      const before = events.of('die').length;
      const answer = server.request('DELETE', `/v1/sessions/${body.id}`).catch(() => null);
      await events.seen('die', before + 1);
      return { answer, sessionId: body.id };
    },
  },
];

/**
 * What became of the request, once it is settled: the status of its call, the code of its refusal, or why its session is
 * over. What was acknowledged must be on the record as it was answered.
 */
export async function outcomeOf(
  server: TestServer,
  { answer, isOpening, sessionId }: HeldStep,
): Promise<string> {
  const answered = await answer;
  if (sessionId !== undefined) {
    const session = await settled(async () => {
      const { body } = await server.request('GET', `/v1/sessions/${sessionId}`);
      return body.status === 'ended' ? body : null;
    });
    await expectNothingLost(server, [answered?.body.tool === undefined ? null : answered]);
    return session.endReason;
  }
  if (answered !== null && answered.status >= 400) {
    await expectNothingLost(server, []);
    return answered.body.code;
  }
  if (isOpening === true) {
    const { body } = await server.request('GET', '/v1/sessions?status=open');
    expect(body.items).toEqual([]);
    return 'not opened';
  }
  const newest = await server.request('GET', '/v1/audit/events?type=intent&limit=1');
  const call = await settled(async () => {
    const { body } = await server.request('GET', `/v1/calls/${newest.body.items[0]?.callId}`);
    return body.status === 'running' ? null : body;
  });
  await expectNothingLost(server, [answered?.status === 200 ? answered : null]);
  return call.status;
}

/** The service serves, and of all that was made before nothing is left. */
export async function expectRecovered({ server, events }: Rig): Promise<void> {
  const next = await server.call('python_run', short);
  expect(callOf(next)).toMatchObject({ status: 'succeeded', result: 42, artifacts: [{ name: 'kept.txt' }] });
  await vi.waitFor(async () => expect(await events.count()).toBe(0), { timeout: 20_000, interval: 50 });
}

function isNotDurable({ msg }: { readonly msg: string }): boolean {
  return msg === 'outcome not durable yet';
}

function openSession(server: TestServer): Promise<Answer> {
  return server.request('POST', '/v1/sessions', { body: { image: 'python' } });
}

// eslint-disable-next-line typescript/no-explicit-any -- answers are asserted on, field by field
async function settled(look: () => Promise<any>): Promise<any> {
  return await vi.waitUntil(look, { timeout: 20_000, interval: 20 });
}

function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It was the one that was killed.
  }
}
