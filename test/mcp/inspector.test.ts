/**
 * The inspector's command line, over HTTP and by `sallyport mcp`: what a person has at hand who looks at a server. Its
 * first major version, which speaks 2025-11-25; the second brings a web page with all that builds it.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mcpPolicyDirectory } from '../support/mcp.ts';
import { repository, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const packages = join(repository, 'node_modules');
/** Laid out as in the inspector's whole package, of which the command line alone is installed: it reads that one's version. */
const home = mkdtempSync(join(tmpdir(), 'inspector-'));
symlinkSync(join(packages, '@modelcontextprotocol/inspector-cli'), join(home, 'cli'));
symlinkSync(packages, join(home, 'node_modules'));
writeFileSync(join(home, 'package.json'), '{"name": "inspector", "version": "1.0.3"}');
const inspector = ['--preserve-symlinks', '--preserve-symlinks-main', join(home, 'cli/build/index.js')];

let server: TestServer;
let ana = '';
beforeAll(async () => {
  server = await startServer({
    policyDir: mcpPolicyDirectory(),
    environment: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
  ana = await server.keyFor('ana', [], ['call']);
});
afterAll(async () => {
  rmSync(home, { recursive: true });
  await server[Symbol.asyncDispose]();
});

/** How the inspector reaches the server. */
const ways: Readonly<Record<string, () => readonly string[]>> = {
  'over HTTP': () => [`${server.url}/mcp`, '--transport', 'http', '--header', `Authorization: Bearer ${ana}`],
  'over standard streams': () => [
    process.execPath,
    join(repository, 'src/main.ts'),
    'mcp',
    '--url',
    server.url,
  ],
};

async function inspect(
  way: readonly string[],
  ...request: readonly string[]
): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [...inspector, ...way, ...request], {
    env: { PATH: process.env['PATH'] ?? '', SALLYPORT_API_KEY: ana },
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.each(Object.entries(ways))('%s', (_name, way) => {
  test('lists the tools', async () => {
    const { tools } = (await inspect(way(), '--method', 'tools/list')) as { tools: { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(['add', 'echo', 'fail', 'loop', 'refund']);
  });

  test('calls one, and shows a denial as a result', async () => {
    const call = (...args: readonly string[]) =>
      inspect(
        way(),
        '--method',
        'tools/call',
        '--tool-name',
        'add',
        ...args.flatMap((arg) => ['--tool-arg', arg]),
      );
    expect(await call('a=2', 'b=3')).toMatchObject({ isError: false, structuredContent: { sum: 5 } });
    expect(await call('a=101', 'b=3')).toMatchObject({
      isError: true,
      _meta: { 'sallyport/problem': { code: 'policy_denied' } },
    });
  });
});
