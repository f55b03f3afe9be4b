/** `GET /v1/calls` over HTTP, by the client and by the command line. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sallyport } from '../../src/client/index.ts';
import { runCli, startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

let server: TestServer;
/** Names of keys: `ann` and `bob` of one tenant, `eve` of another; `auditor` of the first. */
const keys: Record<string, string> = {};
/** Ids of calls by who made them, oldest first. */
const made: Record<string, string[]> = { ann: [], bob: [], eve: [] };

beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  for (const [name, scopes, tenant] of [
    ['ann', ['call'], 'blue'],
    ['bob', ['call'], 'blue'],
    ['auditor', ['call', 'audit'], 'blue'],
    ['eve', ['call', 'audit'], 'red'],
  ] as const)
    keys[name] = await server.keyFor(name, ['developer'], scopes, tenant);
  for (const [name, code] of [
    ['ann', 'return 1'],
    ['ann', 'throw new Error("no")'],
    ['ann', 'return 3'],
    ['bob', 'return 1'],
    ['eve', 'return 1'],
  ] as const) {
    const body = { tool: 'js_run', args: { code }, labels: { team: 'x' } };
    const answer = await server.request('POST', '/v1/calls', { key: keys[name] ?? '', body });
    made[name]?.push(String(answer.body.id));
  }
});
afterAll(() => server[Symbol.asyncDispose]());

const list = (name: string, query = ''): Promise<Answer> =>
  server.request('GET', `/v1/calls${query}`, { key: keys[name] ?? server.key });

async function ids(name: string, query = ''): Promise<readonly string[]> {
  const { body, status } = await list(name, query);
  expect({ status, next: body.nextCursor }).toEqual({ status: 200, next: null });
  return body.items.map(({ id }: { id: string }) => id);
}

test('one sees one’s own calls, an auditor the tenant’s, an admin all', async () => {
  const { ann = [], bob = [], eve = [] } = made;
  expect(await ids('ann')).toEqual(ann.toReversed());
  expect(await ids('bob')).toEqual(bob);
  expect(await ids('auditor')).toEqual([...ann, ...bob].toReversed());
  expect(await ids('auditor', '?principal=bob')).toEqual(bob);
  expect(await ids('eve')).toEqual(eve);
  expect(await ids('admin')).toEqual([...ann, ...bob, ...eve].toReversed());
  expect(await ids('admin', '?tenant=red')).toEqual(eve);
});

test('what one may not see is not there, whatever one asks for', async () => {
  expect(await ids('bob', '?principal=ann')).toEqual([]);
  expect(await ids('eve', '?principal=ann')).toEqual([]);
  expect(await ids('eve', '?label=team%3Dx')).toEqual(made['eve']);
  expect(await list('eve', '?tenant=blue')).toMatchObject({ status: 400 });
});

test('a page shows calls as they are, is as long as asked for, and leads on', async () => {
  const first = await list('ann', '?limit=2&tool=js_run');
  expect(first.body.items).toEqual([
    (await server.request('GET', `/v1/calls/${made['ann']?.[2]}`)).body,
    (await server.request('GET', `/v1/calls/${made['ann']?.[1]}`)).body,
  ]);
  const second = await list('ann', `?limit=2&tool=js_run&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ items: [{ id: made['ann']?.[0] }], nextCursor: null });
  // A cursor leads nobody to what is not theirs.
  expect((await list('bob', `?cursor=${first.body.nextCursor}`)).body.items).toEqual([]);
});

test.each([
  '?status=done',
  '?limit=0',
  '?limit=101',
  '?from=yesterday',
  '?cursor=abc',
  '?label=',
  '?label=team',
  '?session=foo',
  '?session=call_01JD9Z5VQ3M8X0W2N7B4K6T1RA',
  '?tool=a&tool=b',
  '?owner=ann',
])('%s is malformed', async (query) => {
  expect(await list('ann', query)).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
});

test('the client walks all pages', async () => {
  const sallyport = new Sallyport({ url: server.url, apiKey: keys['ann'] ?? '' });
  const seen: string[] = [];
  for await (const { id } of sallyport.calls.list({ status: 'succeeded', label: 'team=x' })) seen.push(id);
  expect(seen).toEqual([made['ann']?.[2], made['ann']?.[0]]);
});

test('the command line lists, shows and cancels', async () => {
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: keys['ann'] ?? '' };
  const listed = await runCli(['calls', 'list', '--status', 'failed'], environment);
  expect(JSON.parse(listed.stdout)).toMatchObject({ items: [{ id: made['ann']?.[1] }], nextCursor: null });
  const shown = await runCli(['calls', 'show', made['ann']?.[1] ?? ''], environment);
  expect(JSON.parse(shown.stdout)).toMatchObject({ id: made['ann']?.[1], status: 'failed' });
  const late = await runCli(['calls', 'cancel', made['ann']?.[1] ?? ''], environment);
  expect(late).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'sallyport: conflict: The call has ended: failed.\n',
  });
});
