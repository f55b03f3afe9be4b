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

  test.each(['/', 'developers/', '/all-tools', 'a/b/c'])('%s is none', async (rule) => {
    expect(await get(`events?rule=${rule}`)).toMatchObject({
      status: 400,
      body: { code: 'malformed_request', errors: [{ pointer: '?rule' }] },
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
