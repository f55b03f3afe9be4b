/** Commands that need no server. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { onTerminal } from '../support/on-terminal.ts';
import { runCli } from '../support/server.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('sallyport policy lint', () => {
  test('finds nothing in the shipped policies and names their revision', async () => {
    const ended = await runCli(['policy', 'lint', 'policies']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({
      revision: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      errors: [],
      warnings: [],
    });
  });

  test('ends with 1 and gives every mistake with its file, line and column', async () => {
    const ended = await runCli(['policy', 'lint', 'test/fixtures/policy/planted']);
    expect(ended).toMatchObject({ code: 1, stderr: '' });
    const report = JSON.parse(ended.stdout);
    expect(report.revision).toBeNull();
    expect(report.errors.length).toBeGreaterThan(20);
    expect(report.errors).toContainEqual({
      file: 'test/fixtures/policy/planted/documents.yaml',
      line: 13,
      column: 7,
      path: '/spec/rules/0/wen',
      message: 'unknown field "wen"',
      hint: 'did you mean "when"?',
    });
  });

  test('a directory that is not there ends with 1 and is named', async () => {
    const ended = await runCli(['policy', 'lint', '/nowhere']);
    expect(ended.code).toBe(1);
    expect(ended.stdout + ended.stderr).toContain('/nowhere');
  });
});

describe('sallyport policy test', () => {
  test('the shipped policies are covered in full by their own tests', async () => {
    const report = path.join(folder, 'junit.xml');
    const ended = await runCli(['policy', 'test', 'policies', '--coverage', '100', '--junit', report]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toMatchObject({ failed: 0, coverage: { percent: 100, uncovered: [] } });
    expect(readFileSync(report, 'utf8')).toContain('failures="0"');
  });

  test('ends with 1 when a test fails, the coverage is missed, or there is no test', async () => {
    const directory = path.join(folder, 'untested');
    cpSync('policies', directory, { recursive: true });
    rmSync(path.join(directory, 'tests/others.yaml'));
    expect((await runCli(['policy', 'test', directory])).code).toBe(0);
    const missed = await runCli(['policy', 'test', directory, '--coverage', '100']);
    expect(missed.code).toBe(1);
    expect(missed.stdout).toContain('operators/smoke-test');
    const rules = path.join(directory, 'rules/analysts.yaml');
    writeFileSync(rules, readFileSync(rules, 'utf8').replace('<= 4000', '<= 4001'));
    const failed = await runCli(['policy', 'test', directory]);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('tests/analysts.yaml');
    rmSync(path.join(directory, 'tests'), { recursive: true });
    const none = await runCli(['policy', 'test', directory]);
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toContain('There is no document of kind PolicyTest');
    expect((await runCli(['policy', 'test', directory, '--coverage', 'all'])).code).toBe(2);
  });
});

test('sallyport policy schema prints the schema of a kind, or names the kinds', async () => {
  const ended = await runCli(['policy', 'schema', 'policy']);
  expect(JSON.parse(ended.stdout)).toMatchObject({ $id: 'urn:sallyport:schema:policy' });
  const unknown = await runCli(['policy', 'schema', 'polcy']);
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toContain('There is no kind "polcy"');
});

describe('sallyport policy explain', () => {
  const explain = (...args: string[]): ReturnType<typeof runCli> =>
    runCli(['policy', 'explain', '--dir', 'policies', '--principal', 'ana', '--role', 'analyst', ...args]);

  test('ends with 0 for an allowed call and says under which rule and limits', async () => {
    const ended = await explain('--tool', 'js_run', '--args', '{"code":"return 1"}');
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      effect: 'allow',
      policy: 'analysts',
      rule: 'small-programs',
      limits: { timeoutMs: 2000, outputBytes: 262_144 },
      boundary: ['strict'],
    });
  });

  test('ends with 1 for a denied call and names the nearest one that is allowed', async () => {
    const ended = await explain('--tool', 'csv_profile', '--args', '{"text":"a","delimiter":"x"}');
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      effect: 'deny',
      rule: null,
      nearest: { changes: [{ pointer: '/delimiter' }] },
    });
  });

  test('an unknown tool and arguments that do not fit end with 1 and say why', async () => {
    const unknown = await explain('--tool', 'nothing_run');
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^sallyport: There is no tool "nothing_run" in revision sha256:/);
    const unfit = await explain('--tool', 'js_run', '--args', '{"code":1}');
    expect(unfit).toMatchObject({ code: 1, stdout: '' });
    expect(unfit.stderr).toContain('The arguments do not fit js_run:\n  /code:');
  });

  test('without a principal it is called wrongly', async () => {
    const ended = await runCli(['policy', 'explain', '--tool', 'js_run']);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain("required option '--principal <id>'");
  });
});

describe('sallyport config', () => {
  const secret = `spk_boot_${'k'.repeat(43)}`;

  test('shows every setting with its source, and no secret, from environment or file', async () => {
    const file = path.join(folder, 'key');
    writeFileSync(file, `${secret}\n`);
    const given = await runCli(['config'], { SALLYPORT_PORT: '9000', SALLYPORT_BOOTSTRAP_KEY: secret });
    const read = await runCli(['config'], { SALLYPORT_BOOTSTRAP_KEY_FILE: file });
    expect(given.code).toBe(0);
    const { settings } = JSON.parse(given.stdout);
    expect(settings).toContainEqual(
      expect.objectContaining({ name: 'SALLYPORT_PORT', shown: '9000', from: 'environment' }),
    );
    expect(settings).toContainEqual(
      expect.objectContaining({ name: 'SALLYPORT_BOOTSTRAP_KEY', shown: '********', from: 'environment' }),
    );
    expect(JSON.parse(read.stdout).settings).toContainEqual(
      expect.objectContaining({ name: 'SALLYPORT_BOOTSTRAP_KEY', shown: '********', from: 'file' }),
    );
    expect(given.stdout + read.stdout).not.toContain(secret);
  });

  test('ends with 2 and every problem at once, a bad secret unshown', async () => {
    const ended = await runCli(['config'], {
      SALLYPORT_PORT: 'http',
      SALLYPORT_PROT: '1',
      SALLYPORT_BOOTSTRAP_KEY: 'hunter2hunter2',
    });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('SALLYPORT_PORT must be a whole number from 0 to 65535, not "http"');
    expect(ended.stderr).toContain('SALLYPORT_PROT is not known; did you mean SALLYPORT_PORT?');
    expect(ended.stderr).toContain('SALLYPORT_BOOTSTRAP_KEY must be spk_');
    expect(ended.stderr).not.toContain('hunter2');
  });
});

test.each([
  ['build', ['build', 'python', 'nope']],
  ['check', ['check', 'nope']],
])(
  'sallyport images %s of one that there is not ends with 2 and names those that there are',
  async (_what, words) => {
    const ended = await runCli(['images', ...words]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/There is no image "nope"\. Known: isolate, .*python/);
  },
);

describe('sallyport', () => {
  test('--version and --help end with 0; help names the exit codes and every command', async () => {
    expect(await runCli(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    const help = await runCli(['--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('Exit codes: 0 fine, 1 a finding or failure, 2 called wrongly.');
    for (const command of ['serve', 'runner', 'call', 'policy', 'audit', 'keys', 'images', 'config'])
      expect(help.stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });

  test.each([
    [['nonsense'], "unknown command 'nonsense'"],
    [['audit', 'nonsense'], "unknown command 'nonsense'"],
    [['policy', 'lint', '--strict'], "unknown option '--strict'"],
    [
      ['runner', '--listen', 'foo'],
      "option '--listen <address>' argument 'foo' is invalid. It must be unix:/path",
    ],
  ])('%j ends with 2 and points to the help', async (args, words) => {
    const ended = await runCli(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(words);
    expect(ended.stderr).toContain('--help');
  });
});

describe('on a terminal', () => {
  test('words for people, colours included; JSON when asked for', async () => {
    expect(await onTerminal('policy lint policies')).toMatch(
      /^\u001B\[32mfine: revision sha256:[0-9a-f]{64}\u001B\[0m\r\n$/,
    );
    expect(await onTerminal('policy lint test/fixtures/policy/planted')).toMatch(
      /error\u001B\[0m test\/fixtures\/policy\/planted\/documents\.yaml:13:7 /,
    );
    expect(JSON.parse(await onTerminal('--json policy lint policies'))).toMatchObject({ errors: [] });
  });
});
