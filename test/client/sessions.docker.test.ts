import { afterAll, beforeAll, expect, test } from 'vitest';
import { NotFound, Sallyport, SessionUnavailable } from '../../src/client/index.ts';
import { buildImages } from '../support/container-calls.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
let sallyport: Sallyport;
beforeAll(async () => {
  await buildImages('python');
  server = await startServer();
  sallyport = new Sallyport({ url: server.url, apiKey: server.key });
}, 600_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test('a session keeps variables and files, and ends with its scope', async () => {
  let id = '';
  {
    await using session = await sallyport.sessions.create({ image: 'python' });
    ({ id } = session);
    await session.files.write('data/größen 1.csv', 'a,b\n1,2\n');
    await session.run('python_run', {
      code: 'total = sum(map(int, open("data/größen 1.csv").read().split()[1].split(",")))',
    });
    expect((await session.run('python_run', { code: 'print(total)' })).output.stdout).toBe('3\n');
    expect(await session.files.readText('data/größen 1.csv')).toBe('a,b\n1,2\n');
    expect(await session.files.list()).toMatchObject([{ path: 'data/größen 1.csv', sizeBytes: 8 }]);
    expect(await session.files.list('data/')).toMatchObject([{ path: 'data/größen 1.csv', sizeBytes: 8 }]);
    await session.files.remove('data/größen 1.csv');
    await expect(session.files.read('data/größen 1.csv')).rejects.toThrow(NotFound);
    expect((await sallyport.sessions.list({ status: 'open' }).next()).value).toMatchObject({ id });
  }
  expect((await sallyport.sessions.get(id)).document).toMatchObject({
    status: 'ended',
    endReason: 'deleted',
  });
  const late = sallyport.run('python_run', { code: 'pass' }, { session: id });
  await expect(late).rejects.toThrow(SessionUnavailable);
});

test('an artifact is read as the bytes that it is', async () => {
  const code = 'open("/work/out/rows.csv", "w").write("a\\n1\\n")';
  const { artifacts } = await sallyport.run('python_run', { code });
  const [csv] = artifacts;
  if (csv === undefined) throw new Error('no artifact');
  expect(csv).toMatchObject({ name: 'rows.csv', mediaType: 'text/csv' });
  expect(new TextDecoder().decode(await sallyport.artifact(csv))).toBe('a\n1\n');
});
