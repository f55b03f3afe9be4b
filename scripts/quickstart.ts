/** Starts the server and shows what it does with real calls; keeps serving, or ends there with `--once`. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from './quickstart-story/client.ts';
import { heading, line, paint, table } from './quickstart-story/print.ts';
import { startServer } from './quickstart-story/server.ts';
import {
  readMissingContainers,
  showCsvProfile,
  showDenial,
  showNoContainers,
  showPython,
  showRecord,
  showRedaction,
  showTools,
} from './quickstart-story/steps.ts';

interface Options {
  readonly once: boolean;
  readonly withoutDocker: boolean;
}

/** What the set-up found missing; empty when it has a container engine. */
const setUpSaid = process.env['DOCKER_MISSING'] ?? '';
const analystKeyMs = 10 * 60_000;

/** Answers with why the container part was not shown; null when all was. */
async function tellStory(client: Client, { withoutDocker }: Options): Promise<string | null> {
  const since = new Date().toISOString();
  const missing = withoutDocker
    ? 'left out with --without docker'
    : await readMissingContainers(client, setUpSaid);
  await showTools(client);
  await showCsvProfile(client);
  if (missing === null) await showPython(client);
  else showNoContainers(missing);
  const analyst = await client.post<{ id: string; secret: string }>(
    '/v1/keys',
    {
      principal: 'quickstart-analyst',
      tenant: 'default',
      roles: ['analyst'],
      scopes: ['call'],
      expiresInMs: analystKeyMs,
    },
    201,
  );
  await showDenial(new Client(client.url, analyst.secret));
  await client.fetch('DELETE', `/v1/keys/${analyst.id}`, 204);
  await showRedaction(client);
  await showRecord(client, since);
  return missing;
}

async function readKey(dataDir: string): Promise<string> {
  const given = process.env['SALLYPORT_BOOTSTRAP_KEY'];
  if (given !== undefined) return given;
  const file = join(dataDir, 'bootstrap.key');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new Error(
      `${file} cannot be read, and the record in ${dataDir} already has its key: put the file back, or set SALLYPORT_DATA_DIR to a new folder`,
      { cause: error },
    );
  }
}

async function showKeys(dataDir: string, once: boolean): Promise<void> {
  heading(7, `Two keys, readable by you alone${once ? ' (gone when this ends, with their folder)' : ''}`);
  const uses = { 'bootstrap.key': 'calls tools, administers, reads the record', 'approver.key': 'approves' };
  const rows = Object.entries(uses).map(([name, use]) => [shown(dataDir, name), use]);
  for (const [file = ''] of rows) {
    if (((await stat(file)).mode & 0o077) !== 0) throw new Error(`${file} can be read by others`);
  }
  table(['file', 'what it may do'], rows);
}

function showNext(url: string, dataDir: string, title: string): void {
  heading(8, title);
  line(`curl -s ${url}/v1/calls -H 'Content-Type: application/json' \\`);
  line(`  -H "Authorization: Bearer $(cat ${shown(dataDir, 'bootstrap.key')})" \\`);
  line(`  -d '{"tool":"js_run","args":{"code":"return 6 * 7"}}'`);
}

/** A path as a person in this folder would write it. */
function shown(dataDir: string, name: string): string {
  const path = relative(process.cwd(), join(dataDir, name));
  return path.startsWith('..') ? join(dataDir, name) : path;
}

/** A signal, or nobody left who reads: the server must not outlive this process either way. */
function nextStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.on('error', () => resolve());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}

async function run(options: Options): Promise<number> {
  const { once } = options;
  const dataDir = once
    ? await mkdtemp(join(tmpdir(), 'sallyport-'))
    : (process.env['SALLYPORT_DATA_DIR'] ?? 'data');
  const port = once ? '0' : (process.env['SALLYPORT_PORT'] ?? '8080');
  await using cleanUp = new AsyncDisposableStack();
  if (once) cleanUp.defer(() => rm(dataDir, { recursive: true, force: true }));
  const stopped = nextStopSignal();
  const server = cleanUp.use(await startServer({ dataDir, port }));
  console.log(`${paint('bold', 'Sallyport')} serves at ${server.url}, its log is in ${server.logFile}`);
  const ended = Promise.race([
    stopped.then(() => null),
    server.exited.then((reason) => `the server ended by itself: ${reason}; see ${server.logFile}`),
  ]);
  const told = tellStory(new Client(server.url, await readKey(dataDir)), options);
  const first = await Promise.race([told.then((missing) => ({ missing })), ended]);
  if (first === null) return 0;
  if (typeof first === 'string') throw new Error(first);
  await showKeys(dataDir, once);
  if (once) showNext('http://127.0.0.1:8080', 'data', 'To keep it running: ./scripts/quickstart, then');
  else showNext(server.url, dataDir, 'Try next');
  if (once && first.missing !== null && !options.withoutDocker) {
    throw new Error('the container part was not shown, see step 3; --without docker leaves it out');
  }
  if (once) return 0;
  line();
  line(paint('dim', 'Serving until Ctrl-C.'));
  const reason = await ended;
  if (reason !== null) throw new Error(reason);
  return 0;
}

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, without: { type: 'string', default: '' } },
});
try {
  process.exitCode = await run({
    once: values.once,
    withoutDocker: values.without.split(',').includes('docker'),
  });
} catch (error) {
  process.exitCode = 1;
  console.error(`\nquickstart: ${error instanceof Error ? error.message : String(error)}`);
}
