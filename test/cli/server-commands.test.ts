import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { onTerminal } from '../support/on-terminal.ts';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-cli-'));
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type Ended = Awaited<ReturnType<typeof runCli>>;

async function cli(args: readonly string[], input = '', changes: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key, ...changes };
  return await runCli(args, environment, input);
}

// eslint-disable-next-line typescript/no-explicit-any -- answers are asserted on, field by field
const json = ({ stdout }: Ended): any => JSON.parse(stdout);

describe('sallyport call', () => {
  test('prints the whole call as JSON and ends with 0', async () => {
    const ended = await cli(['call', 'js_run', '--arg', 'code=return 1+1']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(json(ended)).toMatchObject({ tool: 'js_run', status: 'succeeded', result: 2 });
    const { body } = await server.request('GET', `/v1/calls/${json(ended).id}`);
    expect(json(ended)).toEqual(body);
  });

  test('takes arguments as JSON, from a file and from standard input; --arg adds to them', async () => {
    const args = { code: 'return input', input: 'π' };
    const file = path.join(folder, 'args.json');
    writeFileSync(file, JSON.stringify(args));
    const given = [
      await cli(['call', 'js_run', '--args', JSON.stringify(args)]),
      await cli(['call', 'js_run', '--args', `@${file}`]),
      await cli(['call', 'js_run', '--args', '-'], JSON.stringify(args)),
    ];
    expect(given.map((ended) => json(ended).result)).toEqual(['π', 'π', 'π']);
    const added = await cli(['call', 'js_run', '--args', `@${file}`, '--arg', 'input={"a":[1]}']);
    expect(json(added).result).toEqual({ a: [1] });
  });

  test('--arg takes JSON or text, and the text of a file', async () => {
    const file = path.join(folder, 'code.js');
    writeFileSync(file, 'return [typeof input, input]');
    const call = async (value: string): Promise<unknown> =>
      json(await cli(['call', 'js_run', '--arg', `code=@${file}`, '--arg', `input=${value}`])).result;
    expect(await call('7')).toEqual(['number', 7]);
    expect(await call('a=b')).toEqual(['string', 'a=b']);
  });

  test('--arg takes one value: the tool may stand behind it', async () => {
    const ended = await cli(['call', '--arg', 'code=return input', '--arg', 'input=1', 'js_run']);
    expect(json(ended)).toMatchObject({ tool: 'js_run', result: 1 });
  });

  test('ends with 1 when the code fails or runs out of time, and still prints the call', async () => {
    const failed = await cli(['call', 'js_run', '--arg', 'code=throw new RangeError("no")']);
    expect(failed).toMatchObject({ code: 1, stderr: '' });
    expect(json(failed)).toMatchObject({ status: 'failed', error: { name: 'RangeError', message: 'no' } });
    const slow = await cli(['call', 'js_run', '--arg', 'code=for(;;);', '--timeout-ms', '200']);
    expect(slow.code).toBe(1);
    expect(json(slow)).toMatchObject({ status: 'timed_out', limits: { timeoutMs: 200 } });
  });

  test('ends with 1 and the server’s words when the call is refused', async () => {
    const unknown = await cli(['call', 'js_rnu']);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^sallyport: unknown_tool: .*js_run/);
    const invalid = await cli(['call', 'js_run', '--arg', 'cod=1']);
    expect(invalid.code).toBe(1);
    expect(invalid.stderr).toMatch(/^sallyport: invalid_arguments: /);
    expect(invalid.stderr).toContain('\n  /cod');
  });

  test('a refusal is its problem document where --json is asked for, and the same words beside it', async () => {
    const refused = await cli(['call', 'js_rnu', '--json']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^sallyport: unknown_tool: .*js_run/);
    expect(json(refused)).toMatchObject({ code: 'unknown_tool', status: 404, didYouMean: 'js_run' });
    const stream = await cli(['audit', 'export', '--json', '--type', 'denyed']);
    expect(json(stream)).toMatchObject({ code: 'malformed_request', errors: [{ pointer: '?type' }] });
  });

  test('--label names it as text, --session runs it there', async () => {
    const call = ['call', 'js_run', '--arg', 'code=return 1'];
    const labelled = await cli([...call, '--label', 'ticket=481', '--label', 'why=a=b']);
    expect(json(labelled).labels).toEqual({ ticket: '481', why: 'a=b' });
    const lost = await cli([...call, '--session', 'ses_01JD9Z5VQ3M8X0W2N7B4K6T1RA']);
    expect(lost).toMatchObject({ code: 1, stdout: '' });
    expect(lost.stderr).toMatch(/^sallyport: not_found: .*session/);
  });

  test('on a terminal what the code threw is said once', async () => {
    const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
    const told = await onTerminal(`call js_run --arg 'code=throw new RangeError("no")'`, environment);
    expect(told.match(/RangeError: no/g)).toHaveLength(1);
    expect(told).toContain('    at ');
  });

  test('--idempotency-key runs it once', async () => {
    const args = ['call', 'js_run', '--arg', 'code=return Math.random()', '--idempotency-key', 'once'];
    const [first, second] = [await cli(args), await cli(args)];
    expect(json(second)).toEqual(json(first));
  });

  test.each([
    ['no tool', ['call'], "missing required argument 'tool'"],
    ['an argument without =', ['call', 'js_run', '--arg', 'code'], '"code" is not name=value.'],
    ['broken JSON', ['call', 'js_run', '--args', '{'], '--args is not valid JSON'],
    ['an array', ['call', 'js_run', '--args', '[1]'], '--args must be a JSON object.'],
    ['a missing file', ['call', 'js_run', '--args', '@/nowhere.json'], 'Cannot read /nowhere.json'],
    ['a time that is none', ['call', 'js_run', '--timeout-ms', '1s'], '--timeout-ms must be a whole number'],
    ['no time at all', ['call', 'js_run', '--timeout-ms', '0'], 'milliseconds, at least 1.'],
    ['an unknown option', ['call', 'js_run', '--argz'], "unknown option '--argz'"],
  ])('called wrongly with %s it ends with 2 and says so', async (_what, args, words) => {
    const ended = await cli(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(words);
  });
});

describe('a client command', () => {
  test('without a server ends with 1 and says what to do', async () => {
    const ended = await cli(['keys', 'list'], '', { SALLYPORT_URL: 'http://127.0.0.1:1' });
    expect(ended).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'sallyport: No server answers at http://127.0.0.1:1. Start one with "sallyport serve", or set SALLYPORT_URL.\n',
    });
  });

  test('sends the bootstrap key to this machine alone', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'key-'));
    writeFileSync(path.join(folder, 'bootstrap.key'), `spk_boot_${'x'.repeat(43)}\n`);
    for (const url of ['http://127.0.0.1.nip.example:9', 'http://10.0.0.1:9', 'https://localhost.example']) {
      const ended = await runCli(['tools'], { SALLYPORT_DATA_DIR: folder, SALLYPORT_URL: url });
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toContain('is sent to a server on this machine alone');
    }
    rmSync(folder, { recursive: true });
  });

  test('without a key takes the bootstrap key of the data directory, else says which one is missing', async () => {
    const own = { SALLYPORT_URL: server.url, SALLYPORT_DATA_DIR: server.dataDir };
    expect((await runCli(['keys', 'list'], own)).code).toBe(0);
    expect((await runCli(['keys', 'list'], { ...own, SALLYPORT_API_KEY: '' })).code).toBe(0);
    const none = await runCli(['keys', 'list'], { ...own, SALLYPORT_DATA_DIR: folder });
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('set SALLYPORT_API_KEY, write it into ');
    expect(none.stderr).toContain(`or run this where ${folder}/bootstrap.key can be read`);
  });

  test('with a wrong key or address ends without a stack trace', async () => {
    const wrongKey = await cli(['keys', 'list'], '', { SALLYPORT_API_KEY: `spk_none_${'a'.repeat(43)}` });
    expect(wrongKey.code).toBe(1);
    expect(wrongKey.stderr).toMatch(/^sallyport: [a-z_]+: [^\n]+\n$/);
    const wrongUrl = await cli(['keys', 'list'], '', { SALLYPORT_URL: 'localhost' });
    expect(wrongUrl).toMatchObject({ code: 2, stderr: 'sallyport: Not the URL of a server: localhost\n' });
  });
});

test('what is in the way of a file is said', async () => {
  const input = path.join(folder, 'input.csv');
  writeFileSync(input, 'a,b');
  const { id } = json(await cli(['files', 'put', input]));
  for (const [words, code, why] of [
    [['files', 'put', '/nope'], 2, "/nope cannot be read: ENOENT: no such file or directory, open '/nope'."],
    [['files', 'put', folder], 2, `${folder} cannot be read: EISDIR: `],
    [['files', 'get', id, '--out', '/nodir/x'], 1, '/nodir/x cannot be written: ENOENT: no such file'],
    [['audit', 'export', '--out', '/nodir/x'], 1, '/nodir/x cannot be written: ENOENT: no such file'],
  ] as const) {
    const ended = await cli(words);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(why);
  }
});

describe('sallyport keys', () => {
  test('a key is made, used, listed without its secret, revoked, and refused', async () => {
    const made = await cli([
      'keys',
      'create',
      '--principal',
      'ana',
      '--role',
      'developer',
      '--scope',
      'call',
      '--expires-in-hours',
      '1',
    ]);
    expect(made.code).toBe(0);
    const { id, secret, createdAt, expiresAt } = json(made);
    expect(secret).toMatch(/^spk_[a-z0-9]+_[A-Za-z0-9_-]{43}$/);
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(3_600_000);
    const call = ['call', 'js_run', '--arg', 'code=return 1'];
    expect((await cli(call, '', { SALLYPORT_API_KEY: secret })).code).toBe(0);
    const list = await cli(['keys', 'list']);
    expect(json(list).items).toContainEqual(
      expect.objectContaining({ id, principal: 'ana', revokedAt: null }),
    );
    expect(list.stdout).not.toContain(secret);
    const revoked = await cli(['keys', 'revoke', id]);
    expect(revoked.code).toBe(0);
    expect(json(revoked)).toEqual({ id, revoked: true });
    const refused = await cli(call, '', { SALLYPORT_API_KEY: secret });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('The API key was revoked.');
    expect((await cli(['keys', 'revoke', id])).code).toBe(1);
  });

  test.each([
    [['keys', 'create', '--scope', 'call'], "required option '--principal <id>'"],
    [['keys', 'create', '--principal', 'x'], "required option '--scope <name>'"],
    [
      ['keys', 'create', '--principal', 'x', '--scope', 'call', '--expires-in-hours', 'soon'],
      '--expires-in-hours must be a whole number from 1 to 876000.',
    ],
  ])('%j is called wrongly', async (args, words) => {
    const ended = await cli(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(words);
  });
});

describe('sallyport audit', () => {
  test('list filters and pages', async () => {
    const { body } = await server.call('js_run', { code: 'return "seen"' });
    const ended = await cli(['audit', 'list', '--call-id', body.id, '--order', 'asc', '--limit', '1']);
    expect(ended.code).toBe(0);
    expect(json(ended).items).toMatchObject([{ type: 'intent', callId: body.id }]);
    const more = [
      'audit',
      'list',
      '--call-id',
      body.id,
      '--order',
      'asc',
      '--cursor',
      json(ended).nextCursor,
    ];
    expect(json(await cli(more)).items).toMatchObject([{ type: 'outcome', status: 'succeeded' }]);
    const wrong = await cli(['audit', 'list', '--limit', 'many']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('limit');
  });

  test('verify asks the server, and --offline reads the files while it runs; both agree', async () => {
    const asked = await cli(['audit', 'verify']);
    expect(asked.code).toBe(0);
    expect(json(asked)).toMatchObject({ valid: true, problems: [] });
    const offline = await cli(['audit', 'verify', '--offline'], '', { SALLYPORT_DATA_DIR: server.dataDir });
    expect(offline.code).toBe(0);
    expect(json(offline)).toMatchObject({ valid: true, problems: [] });
    expect(json(offline).events).toBeGreaterThanOrEqual(json(asked).events);
  });

  test('verify --offline without a record ends with 2 and says where it looked', async () => {
    const ended = await runCli(['audit', 'verify', '--offline'], { SALLYPORT_DATA_DIR: '/nowhere/data' });
    expect(ended).toEqual({
      code: 2,
      stdout: '',
      stderr: "sallyport: There is no record in /nowhere/data: set SALLYPORT_DATA_DIR to the server's.\n",
    });
  });
});
