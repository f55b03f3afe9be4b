import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, startServer } from '../support/server.ts';

const run = promisify(execFile);
const installMsMax = 300_000;
/** npm's own variables say how this test was started; the commands below must not see them. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|SALLYPORT)_/.test(name))),
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
};
let project: string;
let files: readonly string[];

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'sallyport-tarball-'));
  await writeFile(join(project, 'package.json'), '{"private": true}');
  const packed = await run('npm', ['pack', '--json', '--pack-destination', project], {
    cwd: repository,
    env: environment,
  });
  const [report] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
  files = report.files.map(({ path }) => path);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${report.filename}`], {
    cwd: project,
    env: environment,
  });
}, installMsMax);

afterAll(() => rm(project, { recursive: true, force: true }));

function sallyport(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(join(project, 'node_modules/.bin/sallyport'), args, { cwd: project, env: environment });
}

const installed = (path: string): string => join(project, 'node_modules/sallyport', path);

test('the package holds JavaScript, policies and images, and no TypeScript but the types of the client, no tests and no tools', async () => {
  expect([...new Set(files.map((path) => path.split('/')[0] ?? ''))].toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist',
    'package.json',
    'policies',
    'sandbox-images',
  ]);
  expect(files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
  expect(await readdir(installed('dist'))).toContain('main.js');
});

test('the installed command says how it is used', async () => {
  const { stdout, stderr } = await sallyport('--help');
  expect(stdout).toContain('Usage: sallyport');
  expect(stderr).toBe('');
});

test('the shipped policies lint without a finding', async () => {
  const { stdout } = await sallyport('policy', 'lint', installed('policies'));
  expect(JSON.parse(stdout)).toMatchObject({ errors: [], warnings: [] });
});

const program = `
import { CallFailed, Sallyport } from 'sallyport';
import type { Call } from 'sallyport';

const sallyport = new Sallyport();
const call: Call = await sallyport.run('js_run', { code: 'console.log("seen"); return 6 * 7' });
console.log(call.result);
for await (const event of sallyport.stream('js_run', { code: 'throw new Error("no")' })) {
  if (event.type === 'finished') console.log(event.data.status);
}
const failed: unknown = await sallyport.run('js_run', { code: 'throw new Error("no")' }).catch((error: unknown) => error);
console.log(failed instanceof CallFailed && failed.call.error?.message);
`;

test('a program uses the installed client, and TypeScript knows its types', async () => {
  await writeFile(join(project, 'program.mts'), program);
  const options = [
    '--noEmit',
    '--strict',
    '--target',
    'es2024',
    '--lib',
    'esnext,dom,dom.asynciterable',
    '--types',
    '',
  ];
  for (const module of ['nodenext', 'preserve']) {
    const compiler = join(repository, 'node_modules/.bin/tsc');
    await run(compiler, [...options, '--module', module, 'program.mts'], { cwd: project, env: environment });
  }
  await using server = await startServer();
  const { stdout, stderr } = await run(process.execPath, ['program.mts'], {
    cwd: project,
    env: { ...environment, SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key },
  });
  expect({ stdout, stderr }).toEqual({ stdout: '42\nfailed\nno\n', stderr: '' });
}, 60_000);

test('the installed server runs a call in an isolate and ends in an orderly way', async () => {
  await using server = await startServer({
    program: installed('dist/main.js'),
    policyDir: installed('policies'),
  });

  const answer = await server.call('js_run', { code: 'return input.a * 7', input: { a: 6 } });

  expect(answer.body).toMatchObject({ status: 'succeeded', result: 42, runtime: { kind: 'isolate' } });
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});
