/** What the queries of the record take, and what they say of what they do not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
  await server.call('js_run', { code: 'return 1' });
});
afterAll(() => server[Symbol.asyncDispose]());

const get = (path: string): Promise<Answer> => server.request('GET', `/v1/audit/${path}`);

describe('a rule', () => {
  test('is found with its policy in front and alone, in lists, exports and tails', async () => {
    for (const rule of ['developers/all-tools', 'all-tools']) {
      const { items } = (await get(`events?type=intent&rule=${rule}`)).body;
      expect(items).toMatchObject([{ decision: { policy: 'developers', rule: 'all-tools' } }]);
      expect(String((await get(`export?rule=${rule}`)).body)).toContain(items[0].id);
      expect(String((await get(`tail?rule=${rule}`)).body)).toContain(items[0].id);
    }
    expect((await get('events?rule=analysts/all-tools')).body.items).toEqual([]);
  });

  test.each(['/', 'developers/', '/all-tools', 'a/b/c', 'a b', 'block:1'])('%s is none', async (rule) => {
    expect(await get(`events?rule=${rule}`)).toMatchObject({
      status: 400,
      body: { code: 'malformed_request', errors: [{ pointer: '?rule' }] },
    });
  });
});

describe('what nothing can have', () => {
  const id = '01JD9Z5VQ3M8X0W2N7B4K6T1RA';

  test.each([
    ['session', 'foo', 'must be an id: ses_ and its 26 capital letters and digits'],
    ['session', `call_${id}`, 'must be an id: ses_ and its 26 capital letters and digits'],
    ['approval', 'foo', 'must be an id: apr_ and its 26 capital letters and digits'],
    ['callId', `call_${id}1`, 'must be an id: call_ and its 26 capital letters and digits'],
    ['status', 'succeded', expect.stringMatching(/^must be one of queued, .*policy_denied/)],
    ['label', 'ticket', 'must be a label as name=value'],
  ])('%s %s is refused with what can be', async (name, value, message) => {
    for (const path of ['events', 'export', 'tail'])
      expect(await get(`${path}?${name}=${value}`)).toMatchObject({
        status: 400,
        body: { code: 'malformed_request', errors: [{ pointer: `?${name}`, message }] },
      });
  });

  test.each([
    `session=ses_${id}`,
    `approval=apr_${id}`,
    `rule=block:blk_${id}`,
    'status=approved',
    'status=held',
    'label=a%3D',
  ])('%s may be there and is not', async (query) => {
    expect(await get(`events?${query}`)).toMatchObject({ status: 200, body: { items: [] } });
  });

  test('is in the OpenAPI document too', async () => {
    const { body } = await server.request('GET', '/openapi.json');
    for (const path of ['/v1/audit/events', '/v1/calls'])
      expect(body.paths[path].get.parameters).toContainEqual({
        name: 'session',
        in: 'query',
        description: 'One session',
        schema: { type: 'string', pattern: '^ses_[0-9A-HJKMNP-TV-Z]{26}$' },
      });
  });
});

describe('a parameter that is true or not', () => {
  test.each([
    ['true', true],
    ['yes', true],
    ['false', undefined],
    ['no', undefined],
  ])('deep=%s', async (value, deep) => {
    const { body } = await get(`verify?deep=${value}`);
    expect({ valid: body.valid, deep: body.deep }).toEqual({ valid: true, deep });
  });

  test('that is neither is refused, and a tail with follow=false ends', async () => {
    for (const path of ['verify?deep=1', 'tail?follow=maybe'])
      expect(await get(path)).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
    expect((await get('tail?follow=false')).status).toBe(200);
  });
});
