import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { repository, runCli } from '../support/server.ts';
import { githubToken } from '../boundary/support/filter.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-boundary-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const place = path.join(folder, name);
  writeFileSync(place, text);
  return place;
}

test.each([
  ['boundary', 'explain', '--json'],
  ['serve', '--help'],
])('a reader that leaves early ends %s %s without a word', async (...words) => {
  const main = path.join(repository, 'src/main.ts');
  const child = spawn(process.execPath, [main, ...words], {
    env: { PATH: process.env['PATH'] },
    cwd: repository,
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number];

  expect(stderr).toBe('');
  expect(code).toBe(1);
});

describe('sallyport boundary scan', () => {
  test('reports what it finds, never the text, and ends with 1', async () => {
    const ended = await runCli(['boundary', 'scan', file('leak.log', `token ${githubToken}\n`)]);

    expect(ended).toMatchObject({ code: 1, stderr: '' });
    expect(ended.stdout).not.toContain(githubToken);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      verdict: 'redacted',
      findings: [{ detector: 'github-token', action: 'redact', where: 'byte 6', count: 1 }],
    });
  });

  test('ends with 0 when there is nothing to find', async () => {
    const ended = await runCli(['boundary', 'scan', file('clean.log', 'all is well\n')]);

    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ verdict: 'clean', findings: [] });
  });

  test('prints the filtered text for a pipe, and the report beside it', async () => {
    const ended = await runCli(['boundary', 'scan', '--print', file('pipe.log', `a ${githubToken} b\n`)]);

    expect(ended.stdout).toMatch(/^a \[REDACTED:github-token:[0-9a-f]{4}\] b\n$/);
    expect(ended.stderr).toContain('github-token');
    expect(ended.code).toBe(1);
  });

  test('under observe the text stays as it is and the finding says flag', async () => {
    const ended = await runCli([
      'boundary',
      'scan',
      file('observed.log', githubToken),
      '--profile',
      'observe',
    ]);

    expect(JSON.parse(ended.stdout)).toMatchObject({ verdict: 'flagged', findings: [{ action: 'flag' }] });
  });

  test.each([
    ['an unknown profile', ['--profile', 'lax'], 2, 'There is no boundary profile "lax"'],
    ['a policy that cannot be used', ['--dir', '/nowhere'], 2, 'The policy cannot be used'],
    ['a file that is not there', [], 2, 'Cannot read /nowhere/at-all'],
  ])('says what is wrong with %s', async (_, options, code, message) => {
    const ended = await runCli(['boundary', 'scan', '/nowhere/at-all', ...options]);

    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(message);
  });
});

describe('sallyport boundary explain', () => {
  test('lists every detector with its source and what a hit leads to', async () => {
    const listed = JSON.parse((await runCli(['boundary', 'explain'])).stdout) as {
      readonly detector: string;
    }[];

    expect(listed.length).toBeGreaterThan(240);
    expect(listed).toContainEqual({
      detector: 'iban',
      title: 'International bank account number',
      family: 'pii',
      source: 'ISO 13616-1; SWIFT, IBAN Registry (lengths)',
      inbound: 'allow',
      outbound: 'redact',
    });
  });

  test('shows one detector under a profile', async () => {
    const ended = await runCli(['boundary', 'explain', 'private-key', '--profile', 'strict']);

    expect(JSON.parse(ended.stdout)).toMatchObject({ detector: 'private-key', outbound: 'block' });
  });

  test('ends with 1 for a detector that there is none of', async () => {
    const ended = await runCli(['boundary', 'explain', 'telepathy']);

    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain('There is no detector "telepathy"');
  });
});
