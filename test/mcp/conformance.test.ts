/** The official conformance suite against the real server: all that it has for servers, and the tasks extension. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { repository, startServer } from '../support/server.ts';
import { withKey } from '../support/with-key.ts';

const policies = join(repository, 'test/fixtures/mcp-conformance');
const command = join(repository, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
/** In two rows of about the same length. */
const tasks = [
  ['lifecycle', 'wire-fields', 'request-state-removal', 'mrtr-input'],
  [
    'dispatch-and-envelope',
    'capability-negotiation',
    'request-headers',
    'mrtr-composition',
    'required-task-error',
  ],
].map((row) => row.map((name) => ['--scenario', `tasks-${name}`]));

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

const expected = new Set(
  (
    parse(readFileSync(join(import.meta.dirname, 'conformance-failures.yaml'), 'utf8')) as {
      checks: string[];
    }[]
  ).flatMap(({ checks }) => checks),
);
const failed = new Set<string>();
/** Every check of every scenario that ran, with its name as `scenario:check`. Some are made more than once. */
type Checks = readonly (readonly [string, Check])[];

async function run(url: string, options: readonly string[]): Promise<Checks> {
  const results = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    const args = [command, 'server', '--url', `${url}/mcp`, '--output-dir', results, ...options];
    // It ends with 1 for any failure; which ones, its files say.
    await new Promise<void>((resolve) => execFile(process.execPath, args, () => resolve()));
    const checks: [string, Check][] = [];
    for (const name of readdirSync(results)) {
      const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT/.exec(name)?.[1] ?? name;
      for (const check of JSON.parse(readFileSync(join(results, name, 'checks.json'), 'utf8')) as Check[])
        checks.push([`${scenario}:${check.id}`, check]);
    }
    return checks;
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

/** On a server of their own: calls of others that take long would keep theirs waiting, until they are tasks. */
async function inOrder(runs: readonly (readonly string[])[]): Promise<Checks[]> {
  await using server = await startServer({
    policyDir: policies,
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  await using door = await withKey(server, await server.keyFor('ana', [], ['call']));
  const results: Checks[] = [];
  for (const options of runs) results.push(await run(door.url, options));
  return results;
}

function unexpectedOf(checks: Checks): readonly string[] {
  const failures = checks.filter(([, { status }]) => status === 'FAILURE');
  for (const [name] of failures) failed.add(name);
  return failures
    .filter(([name]) => !expected.has(name))
    .map(([name, { errorMessage }]) => `${name}: ${errorMessage}`);
}

const passed = (checks: Checks): number => checks.filter(([, { status }]) => status === 'SUCCESS').length;

test('every scenario passes that applies to a server of tools', async () => {
  // In three rows: the scenarios of tasks mostly wait.
  const [[modern, legacy], ...extension] = await Promise.all([
    inOrder([
      ['--suite', 'all', '--spec-version', '2026-07-28'],
      ['--suite', 'all', '--spec-version', '2025-11-25'],
    ]),
    ...tasks.map(inOrder),
  ]);
  if (modern === undefined || legacy === undefined) throw new Error('a run is missing');
  const runs = [modern, legacy, ...extension.flat()];
  expect(runs.flatMap(unexpectedOf)).toEqual([]);
  expect([...expected].filter((name) => !failed.has(name))).toEqual([]);
  expect([passed(modern), passed(legacy), passed(extension.flat(2))]).toEqual([106, 49, 36]);
}, 120_000);
