import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { repository, startServer } from './support/server.ts';

const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** Members that are another's in every run. */
const ownToEachRun = { id: 0, usage: 0, createdAt: 0, startedAt: 0, finishedAt: 0, runtime: 0 };

test('the first call of the README, pasted, gives the answer that it shows', async () => {
  await using server = await startServer();
  const [, command = ''] = /```sh\n(curl [\s\S]*?)```/.exec(readme) ?? [];
  const [, shown = ''] = /```json\n(\{"id"[\s\S]*?)```/.exec(readme) ?? [];
  const pasted = command
    .replace('http://127.0.0.1:8080', server.url)
    .replace('data/bootstrap.key', join(server.dataDir, 'bootstrap.key'));
  const { stdout } = await promisify(execFile)('bash', ['-c', pasted]);
  const expected = JSON.parse(shown) as Record<string, unknown>;
  const answer = JSON.parse(stdout) as Record<string, unknown>;
  expect(Object.keys(answer)).toEqual(Object.keys(expected));
  expect({ ...answer, ...ownToEachRun }).toEqual({ ...expected, ...ownToEachRun });
});

test('the first call over MCP, pasted, prints what the README shows', async () => {
  await using server = await startServer();
  const [, code = '', shown = ''] = /```js\n([\s\S]*?)```\n```\n([\s\S]*?)```/.exec(readme) ?? [];
  const pasted = code.replace('http://127.0.0.1:8080', server.url);
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', pasted], {
    cwd: repository,
    env: { SALLYPORT_API_KEY: server.key },
  });
  const withoutIds = (text: string): string =>
    text.replaceAll(/call_\w{26}/g, 'ID').replaceAll(/[0-9a-f]{32}/g, 'MARK');
  expect(withoutIds(stdout)).toBe(withoutIds(shown));
  expect(stdout).toMatch(/<<UNTRUSTED/);
});

test('every path that the README names is there', () => {
  const named = [...readme.matchAll(/`((?:src|sandbox-images|policies|scripts)\/[\w./-]+)`/g)].map(
    ([, path = '']) => path,
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
});
