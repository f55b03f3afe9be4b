import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
});
afterAll(() => server[Symbol.asyncDispose]());

const add = (tool: string, expires = '1h') =>
  runCli(['block', 'add', '--tool', tool, '--expires', expires, '--reason', 'INC-481'], {
    SALLYPORT_URL: server.url,
    SALLYPORT_API_KEY: server.key,
  });

test('a block that means no tool is in force, and says so', async () => {
  const mistyped = await add('js_rn');
  expect(mistyped).toMatchObject({
    code: 0,
    stderr: 'sallyport: js_rn matches no tool of the active policy.\n',
  });
  const { body } = await server.request('GET', '/v1/blocks');
  expect(body.items).toEqual([JSON.parse(mistyped.stdout)]);
  expect(await add('js_*')).toMatchObject({ code: 0, stderr: '' });
});

test('what is too long for a block is told in days', async () => {
  expect(await add('js_run', '100d')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'sallyport: --expires must be at most 90d.\n',
  });
});
