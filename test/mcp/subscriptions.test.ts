/** `subscriptions/listen` with the official client: who hears of what, and when it is over. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectMcp, mcpPolicyDirectory, sendMcp } from '../support/mcp.ts';
import type { McpClient } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const era = '2026-07-28';
const streamsMaxByPrincipal = 8;
const policyDir = mcpPolicyDirectory();
const environment = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ policyDir, environment });
});
afterAll(() => server[Symbol.asyncDispose]());

/** Changes the policy, and has it taken up. */
async function edit(from: string, to: string): Promise<void> {
  const file = join(policyDir, 'policy.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
  const { body } = await server.request('POST', '/v1/policy/reload');
  expect(body.outcome).toMatch(/activated|unchanged/);
}

/** Counts what the client hears, and resolves for the next time. */
function listenTo(client: McpClient) {
  let next = Promise.withResolvers<void>();
  const heard = {
    count: 0,
    next: () => next.promise,
  };
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    heard.count += 1;
    next.resolve();
    next = Promise.withResolvers<void>();
  });
  return heard;
}

test('who listens hears of a change of the tools that they see, and of no other', async () => {
  const operator = await server.keyFor('olga', ['operator'], ['call']);
  await using ana = await connectMcp(server, await server.keyFor('ana', [], ['call']), era);
  await using olga = await connectMcp(server, operator, era);
  const [anaHears, olgaHears] = [listenTo(ana), listenTo(olga)];
  for (const client of [ana, olga]) {
    const { honoredFilter } = await client.listen({ toolsListChanged: true, promptsListChanged: true });
    expect(honoredFilter).toEqual({ toolsListChanged: true });
  }

  const first = olgaHears.next();
  await edit('effect: allow, tools: [hidden]', 'effect: deny, tools: [hidden]');
  await first;
  expect((await olga.listTools()).tools.map(({ name }) => name)).not.toContain('hidden');
  // A rule that changes what is allowed, and not what is seen.
  await edit('when: args.a <= 100', 'when: args.a <= 99');

  const both = [anaHears.next(), olgaHears.next()];
  await edit('tools: [loop, fail, echo]', 'tools: [loop, fail]');
  await Promise.all(both);
  expect([anaHears.count, olgaHears.count]).toEqual([1, 2]);
});

test('it ends with the key', async () => {
  const created = await server.request('POST', '/v1/keys', {
    body: { principal: 'guest', tenant: 'default', roles: [], scopes: ['call'] },
  });
  await using guest = await connectMcp(server, String(created.body.secret), era);
  const { closed } = await guest.listen({ toolsListChanged: true });
  await server.request('DELETE', `/v1/keys/${created.body.id}`);
  expect(await closed).toBe('remote');
});

test('a principal has so many streams and no more, until one of them ends', async () => {
  const key = await server.keyFor('many', [], ['call']);
  await using client = await connectMcp(server, key, era);
  const streams = await Promise.all(
    Array.from({ length: streamsMaxByPrincipal }, () => client.listen({ toolsListChanged: true })),
  );
  const more = () =>
    sendMcp(server, key, era, {
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true } },
    });
  expect(await more()).toMatchObject({
    status: 200,
    body: { id: 1, error: { code: -32603, message: 'Subscription limit reached' } },
  });
  await streams[0]?.close();
  // The end of a stream reaches the server by itself, when it does.
  for (;;) {
    try {
      await client.listen({ toolsListChanged: true });
      break;
    } catch (error) {
      expect(String(error)).toContain('Subscription limit reached');
    }
  }
});

test('what listens for nothing that there is, is told so, and holds no stream', async () => {
  const key = await server.keyFor('ana', [], ['call']);
  const answer = await sendMcp(server, key, era, {
    method: 'subscriptions/listen',
    params: { notifications: { promptsListChanged: true, resourceSubscriptions: ['sallyport://x'] } },
  });
  expect(answer.body).toMatchObject({ id: 1, result: { resultType: 'complete' } });
  const none = await sendMcp(server, key, era, { method: 'subscriptions/listen', params: {} });
  expect(none.body).toMatchObject({ id: 1, error: { code: -32602 } });
});

test('a server that is stopped does not wait for those who listen', async () => {
  await using other = await startServer({
    policyDir,
    environment: { ...environment, SALLYPORT_DRAIN_MS: '20000' },
  });
  await using client = await connectMcp(other, await other.keyFor('ana', [], ['call']), era);
  const { closed } = await client.listen({ toolsListChanged: true });
  const startedAt = performance.now();
  expect(await other.stop()).toEqual({ code: 0, signal: null });
  expect(await closed).toBe('remote');
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});
