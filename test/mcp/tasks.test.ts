/** Long calls as tasks, in both revisions' forms, and whose they are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mcpPolicyDirectory, sendMcp, tasksCapability } from '../support/mcp.ts';
import type { Era, RawAnswer } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const unknownId = 'call_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const notFound = { code: -32602, message: 'There is no such task, or it is not yours to see.' };

let server: TestServer;
let ana = '';
let others: string[] = [];
beforeAll(async () => {
  server = await startServer({
    policyDir: mcpPolicyDirectory(),
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  ana = await server.keyFor('ana', [], ['call']);
  others = [
    await server.keyFor('ben', [], ['call']),
    await server.keyFor('eve', [], ['call', 'audit'], 'elsewhere'),
  ];
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function ask(era: Era, method: string, taskId: string, key = ana): Promise<RawAnswer> {
  return sendMcp(server, key, era, { method, params: { taskId }, capabilities: tasksCapability });
}

async function ended(era: Era, taskId: string): Promise<RawAnswer['body']> {
  for (;;) {
    const { result } = (await ask(era, 'tasks/get', taskId)).body;
    if (result.status !== 'working') return result;
  }
}

describe('2026-07-28', () => {
  test('a call that takes long is a task for a client that knows tasks, until it is cancelled', async () => {
    const { body } = await sendMcp(server, ana, '2026-07-28', {
      method: 'tools/call',
      params: { name: 'loop', arguments: {} },
      capabilities: tasksCapability,
    });
    expect(body.result).toMatchObject({
      resultType: 'task',
      status: 'working',
      ttlMs: null,
      pollIntervalMs: 1000,
    });
    const { taskId } = body.result;
    expect((await ask('2026-07-28', 'tasks/get', taskId)).body.result).toMatchObject({
      resultType: 'complete',
      taskId,
      status: 'working',
    });
    expect((await ask('2026-07-28', 'tasks/update', taskId)).body.result).toMatchObject({
      resultType: 'complete',
    });
    expect((await ask('2026-07-28', 'tasks/cancel', taskId)).body.result).toMatchObject({
      resultType: 'complete',
    });
    expect(await ended('2026-07-28', taskId)).toMatchObject({ taskId, status: 'cancelled' });
    expect((await server.request('GET', `/v1/calls/${taskId}`, { key: ana })).body.status).toBe('cancelled');
  });

  test('a call that ends soon is no task, and its result can be fetched as one all the same', async () => {
    const { body } = await sendMcp(server, ana, '2026-07-28', {
      method: 'tools/call',
      params: { name: 'add', arguments: { a: 1, b: 1 } },
      capabilities: tasksCapability,
    });
    expect(body.result).toMatchObject({ resultType: 'complete', structuredContent: { sum: 2 } });
    const task = (await ask('2026-07-28', 'tasks/get', body.result._meta['sallyport/call'].id)).body.result;
    expect(task).toMatchObject({
      status: 'completed',
      result: { isError: false, structuredContent: { sum: 2 } },
    });
  });

  test('who does not say that they know tasks is told what is missing', async () => {
    const answer = await sendMcp(server, ana, '2026-07-28', {
      method: 'tasks/get',
      params: { taskId: unknownId },
    });
    expect(answer.body.error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: tasksCapability },
    });
  });
});

describe('2025-11-25', () => {
  const begin = (name: string, args: object): Promise<RawAnswer> =>
    sendMcp(server, ana, '2025-11-25', {
      method: 'tools/call',
      params: { name, arguments: args, task: { ttl: 60_000 } },
    });

  test('a client that wants a task gets one, and its result', async () => {
    const { task } = (await begin('add', { a: 2, b: 2 })).body.result;
    expect(task).toMatchObject({ ttl: null, pollInterval: 1000 });
    const { result } = (await ask('2025-11-25', 'tasks/result', task.taskId)).body;
    expect(result).toMatchObject({
      structuredContent: { sum: 4 },
      _meta: { 'io.modelcontextprotocol/related-task': { taskId: task.taskId } },
    });
    expect(await ended('2025-11-25', task.taskId)).toMatchObject({ status: 'completed' });
  });

  test('a task whose call failed has failed; one that is cancelled was', async () => {
    const failing = (await begin('fail', {})).body.result.task.taskId;
    expect(await ended('2025-11-25', failing)).toMatchObject({ status: 'failed' });
    const { taskId } = (await begin('loop', {})).body.result.task;
    await ask('2025-11-25', 'tasks/cancel', taskId);
    expect(await ended('2025-11-25', taskId)).toMatchObject({ status: 'cancelled' });
    expect((await ask('2025-11-25', 'tasks/cancel', taskId)).body.error.code).toBe(-32602);
  });

  test('a call that waits for a person is a task that works', async () => {
    const { task } = (await begin('refund', { cents: 5 })).body.result;
    expect(task).toMatchObject({ status: 'working', statusMessage: 'Waits until somebody approves it.' });
    await ask('2025-11-25', 'tasks/cancel', task.taskId);
    expect(await ended('2025-11-25', task.taskId)).toMatchObject({ status: 'cancelled' });
  });
});

test.each(['2026-07-28', '2025-11-25'] as const)(
  '%s: a task of somebody else does not exist, in this tenant or another',
  async (era) => {
    const { body } = await server.request('POST', '/v1/calls', {
      key: ana,
      body: { tool: 'add', args: { a: 1, b: 1 } },
    });
    const methods =
      era === '2026-07-28'
        ? ['tasks/get', 'tasks/update', 'tasks/cancel']
        : ['tasks/get', 'tasks/result', 'tasks/cancel'];
    for (const method of methods) {
      for (const key of others) {
        for (const id of [body.id, unknownId, '../../etc/passwd'])
          expect((await ask(era, method, id, key)).body.error).toEqual(notFound);
      }
    }
  },
);
