import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startModel } from './client/model-stand-in.ts';
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
  expect(withoutIds(stdout)).toBe(withoutIds(shown));
  expect(stdout).toMatch(/<<UNTRUSTED/);
});

/** A program of the README that shows what it prints; its client is the one in the source. */
async function runShown(language: 'js' | 'ts', start: string, environment: NodeJS.ProcessEnv) {
  const blocks = readme.matchAll(
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\`\\n\`\`\`\\n([\\s\\S]*?)\`\`\``, 'g'),
  );
  const [, code = '', shown = ''] = [...blocks].find(([, text = '']) => text.startsWith(start)) ?? [];
  const client = pathToFileURL(join(repository, 'src/client/index.ts')).href;
  const type = language === 'ts' ? 'module-typescript' : 'module';
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [`--input-type=${type}`, '-e', code.replace("'sallyport'", JSON.stringify(client))],
    { cwd: repository, env: environment },
  );
  return { stdout: withoutIds(stdout), shown: withoutIds(shown) };
}

const withoutIds = (text: string): string =>
  text.replaceAll(/call_\w{26}/g, 'ID').replaceAll(/[0-9a-f]{32}/g, 'MARK');

test('the first call in TypeScript, and the one for OpenAI, pasted, print what the README shows', async () => {
  await using server = await startServer();
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  const typed = await runShown('ts', 'import { Sallyport }', environment);
  expect(typed).toEqual({ stdout: '42\n', shown: '42\n' });

  const call = {
    id: 'a',
    type: 'function',
    function: { name: 'js_run', arguments: '{"code":"return 6 * 7"}' },
  };
  const message = { role: 'assistant', content: null, tool_calls: [call] };
  const choices = [{ index: 0, finish_reason: 'tool_calls', message }];
  await using model = await startModel([
    { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices },
  ]);
  const { stdout, shown } = await runShown('js', 'import OpenAI', {
    ...environment,
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'none',
  });
  expect(stdout).toContain('<<UNTRUSTED MARK>>');
  expect(stdout).toBe(shown);
  expect(
    model.asked[0].tools.map(({ function: { name } }: { function: { name: string } }) => name),
  ).toContain('js_run');
});

test('every path that the README names is there', () => {
  const named = [...readme.matchAll(/`((?:src|sandbox-images|policies|scripts)\/[\w./-]+)`/g)].map(
    ([, path = '']) => path,
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
});
