/** A supervisor of several workers. */
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Supervisor } from '../../src/supervisor/supervisor.ts';
import { gone } from '../support/processes.ts';

const worker = join(import.meta.dirname, '../support/supervised-worker.ts');
const quiet = { info: () => {}, warn: () => {}, error: () => {} };

function start(workersCount = 2): Promise<Supervisor> {
  return Supervisor.start({
    address: { host: '127.0.0.1', port: 0, setting: 'none' },
    workersCount,
    desk: null,
    command: ({ index, url }) => [process.execPath, worker, String(index), url],
    environment: { PATH: process.env['PATH'] },
    stopMsMax: 20_000,
    checkConfig: () => {},
    logger: quiet,
  });
}

/** Which process answered. */
function ask(url: string, agent: Agent | false): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => resolve(Number(text.split(' ')[1])));
    }).on('error', reject);
  });
}

/** Asks on 50 kept connections without a pause until `during` is over; answers with who answered, and what failed. */
async function askWithout(
  supervisor: Supervisor,
  during: (seen: Set<number>) => Promise<void>,
): Promise<unknown[]> {
  const seen = new Set<number>();
  const failures: unknown[] = [];
  const over = new AbortController();
  const clients = Array.from({ length: 50 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!over.signal.aborted) {
      await ask(`${supervisor.url}/?ms=3`, agent).then(
        (pid) => seen.add(pid),
        (error: unknown) => failures.push(error),
      );
    }
    agent.destroy();
  });
  await during(seen);
  over.abort();
  await Promise.all(clients);
  return failures;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

test('connections go to both; when one is told to end, another takes its place and no request fails', async () => {
  await using supervisor = await start();
  const failures = await askWithout(supervisor, async (seen) => {
    await until(() => seen.size === 2);
    const [first = 0] = seen;
    process.kill(first, 'SIGTERM');
    await gone(first);
    // Kept connections stay where they are; new ones go to both.
    while (seen.size < 3) seen.add(await ask(supervisor.url, false));
  });
  expect(failures).toEqual([]);
});

test('a reload replaces both, one after the other, and no request fails', async () => {
  await using supervisor = await start();
  const failures = await askWithout(supervisor, async (seen) => {
    await until(() => seen.size === 2);
    const before = [...seen];
    await supervisor.reload();
    await Promise.all(before.map(gone));
    await until(() => seen.size === 4);
  });
  expect(failures).toEqual([]);
});

test('a request that is under way when its worker is told to end is answered', async () => {
  await using supervisor = await start();
  const pid = await ask(supervisor.url, false);
  const second = await ask(supervisor.url, false);
  expect(second).not.toBe(pid);
  const slow = ask(`${supervisor.url}/?ms=1500`, false);
  await ask(supervisor.url, false);
  process.kill(pid, 'SIGTERM');
  expect(await slow).toBe(pid);
});

test('connections that wait for a worker which dies are handed to the next, all but the one on its way', async () => {
  await using supervisor = await start(1);
  const pid = await ask(supervisor.url, false);
  process.kill(pid, 'SIGSTOP');
  const { port } = new URL(supervisor.url);
  const answered: string[] = [];
  const clients = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const client = connect(Number(port), '127.0.0.1');
      client.on('error', () => {});
      await once(client, 'connect');
      client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      client.on('data', (data) => answered.push(data.toString().slice(0, 12)));
      return client;
    }),
  );
  process.kill(pid, 'SIGKILL');
  // Of the one that was being handed over nobody hears any more: Node keeps it until its own end.
  await until(() => answered.length === 29);
  expect(new Set(answered)).toEqual(new Set(['HTTP/1.1 200']));
  for (const client of clients) client.destroy();
});
