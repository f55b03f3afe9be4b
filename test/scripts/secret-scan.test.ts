import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectors } from '../../src/boundary/detectors.ts';
import { repository } from '../support/server.ts';

/** Kinds of secrets with an example of one line. */
const planted = detectors
  .filter(
    ({ family, examples: { hit } }) => family === 'secrets' && hit[0] !== undefined && !hit[0].includes('\n'),
  )
  .filter((_, index) => index % 5 === 0)
  .map(({ id, examples }) => ({ id, secret: examples.hit[0] ?? '' }));

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'secret-scan-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function git(...args: string[]): void {
  execFileSync('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args]);
}

function scan(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const script = join(repository, 'scripts/secret-scan.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

function write(name: string, lines: readonly string[]): void {
  writeFileSync(join(directory, name), `${lines.join('\n')}\n`);
}

describe('secret-scan', () => {
  test('finds planted secrets of many kinds at their lines, and does not print them', () => {
    expect(planted.length).toBeGreaterThan(20);
    for (const { id, secret } of planted) write(`${id}.txt`, ['a line before', '', secret]);
    const { code, stdout } = scan(directory);
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    expect(planted.filter(({ id }) => !lines.includes(`${id}.txt:3: ${id}`))).toEqual([]);
    expect(planted.filter(({ secret }) => stdout.includes(secret))).toEqual([]);
    expect(scan(directory).stderr).toContain('the history was not looked at');
  });

  test('finds in the history what the files no longer have', () => {
    git('init', '-q');
    git('add', '.');
    git('commit', '-q', '-m', 'planted');
    for (const { id } of planted) rmSync(join(directory, `${id}.txt`));
    git('commit', '-q', '-a', '-m', 'taken out');
    const { code, stdout, stderr } = scan(directory);
    expect([code, stderr]).toEqual([1, '']);
    const found = stdout
      .split('\n')
      .map((line) => line.replace(/ \(in the history, blob [0-9a-f]{12}\)$/, ''));
    const lines = new Set(found);
    expect(planted.filter(({ id }) => !lines.has(`${id}.txt:3: ${id}`))).toEqual([]);
  });

  test('is silent about what is allowed with a reason, there and nowhere else', () => {
    const [first = { id: '', secret: '' }] = planted;
    write('.secret-scan.yaml', [
      '- files: ["*.txt"]',
      `  detectors: [${planted.map(({ id }) => JSON.stringify(id)).join(', ')}, generic-secret]`,
      '  reason: planted by a test',
    ]);
    const others = scan(directory)
      .stdout.split('\n')
      .filter((line) => planted.some(({ id }) => line.endsWith(`: ${id}`)));
    expect(others).toEqual([]);
    write('other.md', [first.secret]);
    expect(scan(directory)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`other.md:1: ${first.id}`),
    });
    rmSync(join(directory, 'other.md'));
  });

  test('a link is not followed, and an allow list without a reason stops it', () => {
    symlinkSync('/etc/passwd', join(directory, 'link'));
    expect(scan(directory).stdout).not.toContain('link:');
    write('.secret-scan.yaml', ['- files: ["*"]', '  detectors: ["*"]']);
    expect(scan(directory)).toMatchObject({ code: 2, stderr: expect.stringContaining('reason') });
    expect(scan(join(directory, 'nowhere')).code).toBe(2);
  });
});
