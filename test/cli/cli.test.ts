import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onTerminal } from '../support/on-terminal.ts';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
let environment: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startServer();
  environment = { SALLYPORT_URL: server.url, SALLYPORT_DATA_DIR: server.dataDir };
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('the command line', () => {
  test('call runs a tool; a call that fails is exit 1', async () => {
    const ran = await runCli(['call', 'js_run', '--arg', 'code=return 1+1'], environment);
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'succeeded', result: 2 });
    const fromInput = await runCli(
      ['call', 'js_run', '--args', '-'],
      environment,
      '{"code":"throw new Error(1)"}',
    );
    expect(fromInput.code).toBe(1);
    expect(JSON.parse(fromInput.stdout)).toMatchObject({ status: 'failed' });
  });

  test('audit verify walks the chain, through the server and without it', async () => {
    for (const more of [[], ['--offline']]) {
      const verified = await runCli(['audit', 'verify', ...more], environment);
      expect(verified.code).toBe(0);
      expect(JSON.parse(verified.stdout)).toMatchObject({ valid: true, problems: [] });
    }
  });

  test('what is wrong with a request is said once', async () => {
    const unfit = await runCli(['call', 'js_run', '--arg', 'code=1', '--arg', 'inputt=2'], environment);
    expect(unfit).toMatchObject({ code: 1, stdout: '' });
    expect(unfit.stderr).toBe(
      `sallyport: invalid_arguments: The arguments do not fit the tool
  /inputt: unknown argument (did you mean input?)
  /code: must be string
  as text: --arg 'code="1"'
`,
    );
    const query = await runCli(['audit', 'list', '--type', 'dennied'], environment);
    expect(query.stderr.match(/must be one of/g)).toHaveLength(1);
  });

  test('tools lists what the key may call', async () => {
    const listed = await runCli(['tools', '--json'], environment);
    expect(JSON.parse(listed.stdout)).toEqual((await server.request('GET', '/v1/tools')).body);
    expect(await onTerminal('tools', environment)).toMatch(/js_run.* {2}Run JavaScript/);
  });

  test('keys are made, listed and revoked', async () => {
    const made = await runCli(['keys', 'create', '--principal', 'cli', '--scope', 'call'], environment);
    const { id, secret } = JSON.parse(made.stdout) as { id: string; secret: string };
    expect(secret).toMatch(/^spk_/);
    expect((await runCli(['keys', 'list'], environment)).stdout).toContain(id);
    expect((await runCli(['keys', 'revoke', id], environment)).code).toBe(0);
    expect((await runCli(['keys', 'revoke', id], environment)).code).toBe(1);
  });

  test('policy lint passes the shipped policies', async () => {
    const linted = await runCli(['policy', 'lint']);
    expect(linted.code).toBe(0);
    expect(JSON.parse(linted.stdout)).toMatchObject({ errors: [] });
  });

  test('what a server says of a failure is shown, never obeyed by the terminal', async () => {
    const answer = { code: 'not_found', detail: 'gone\u001b]0;owned\u0007\u009b31m\u202e' };
    await using hostile = await serveText(JSON.stringify(answer));
    const failed = await runCli(['keys', 'list'], { SALLYPORT_URL: hostile.url, SALLYPORT_API_KEY: 'x' });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain(String.raw`gone\u001b]0;owned\u0007\u009b31m\u202e`);
  });

  test('a wrong call is exit 2, a server that is not there exit 1, both in words', async () => {
    expect((await runCli(['nonsense'])).code).toBe(2);
    expect((await runCli(['call', 'js_run', '--args', '[]'], environment)).code).toBe(2);
    const away = await runCli(['audit', 'list'], {
      SALLYPORT_URL: 'http://127.0.0.1:9',
      SALLYPORT_API_KEY: 'x',
    });
    expect(away.code).toBe(1);
    expect(away.stderr).toContain('No server answers at http://127.0.0.1:9');
    expect(away.stderr).not.toContain('    at ');
  });

  test('config shows every setting and masks secrets', async () => {
    const shown = await runCli(['config'], { SALLYPORT_BOOTSTRAP_KEY: `spk_boot_${'A'.repeat(43)}` });
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('********');
    expect(shown.stdout).not.toContain('AAAA');
  });
});

/** A server that answers 404 with this text. */
async function serveText(text: string): Promise<AsyncDisposable & { readonly url: string }> {
  const http = createServer((_request, response) => response.writeHead(404).end(text));
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => http.close(() => done())),
  };
}
