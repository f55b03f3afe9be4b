import { expect, test } from 'vitest';
import { buildImages } from '../support/container-calls.ts';
import { onTerminal } from '../support/on-terminal.ts';
import { runCli, startServer } from '../support/server.ts';

test('sessions are listed, shown and ended; a call runs in one', async () => {
  await buildImages('python');
  await using server = await startServer();
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: server.key };
  const json = async (...words: string[]) => JSON.parse((await runCli(words, environment)).stdout);
  const body = { image: 'python', labels: { ticket: '481' } };
  const { body: session } = await server.request('POST', '/v1/sessions', { body });
  const call = await json('call', 'python_run', '--arg', 'code=x = 1', '--session', session.id);
  expect(call).toMatchObject({ status: 'succeeded', session: session.id });

  expect((await json('sessions', 'list', '--status', 'open')).items).toMatchObject([{ id: session.id }]);
  expect(await json('sessions', 'show', session.id)).toMatchObject({ status: 'open' });
  const told = await onTerminal(`sessions show ${session.id}`, environment);
  expect(told).toMatch(/labels +ticket=481/);
  expect(await onTerminal('sessions list', environment)).toContain(`${session.id}  open  python`);
  expect(await json('sessions', 'end', session.id)).toMatchObject({ status: 'ended', endReason: 'deleted' });
  expect((await json('sessions', 'list', '--status', 'open')).items).toEqual([]);
}, 600_000);
