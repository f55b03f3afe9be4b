import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../src/audit/record.ts';
import { repository, runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-audit-'));
let server: TestServer;
let adminKey: string;

beforeAll(async () => {
  server = await startServer({ environment: { SALLYPORT_AUDIT_MIN_RETENTION_DAYS: '0' } });
  adminKey = await server.keyFor('dana', [], ['admin']);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function cli(args: readonly string[], changes: NodeJS.ProcessEnv = {}) {
  const environment = { SALLYPORT_URL: server.url, SALLYPORT_API_KEY: adminKey, ...changes };
  return await runCli(args, { SALLYPORT_DATA_DIR: server.dataDir, ...environment }, '');
}

// eslint-disable-next-line typescript/no-explicit-any -- answers are asserted on, field by field
async function json(args: readonly string[]): Promise<any> {
  const ended = await cli(args);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout);
}

const types = (events: readonly StoredEvent[]): string[] => events.map(({ type }) => type);

describe('sallyport audit', () => {
  test('list finds by label and words, show tells one event and the story of a call', async () => {
    const body = { tool: 'js_run', args: { code: 'return "Erdbeere"' }, labels: { team: 'fruit' } };
    const { body: call } = await server.request('POST', '/v1/calls', { body });
    const byLabel = await json(['audit', 'list', '--label', 'team=fruit']);
    expect(types(byLabel.items)).toEqual(['intent']);
    const byWord = await json(['audit', 'list', '--text', 'erdbeere', '--order', 'asc']);
    expect(types(byWord.items)).toEqual(['intent', 'outcome']);
    const story = await json(['audit', 'show', call.id]);
    expect(types(story.events)).toEqual(['intent', 'outcome']);
    expect(await json(['audit', 'show', byLabel.items[0].id])).toEqual(byLabel.items[0]);
  });

  test.each(['approvals', 'egress', 'changes', 'erasures', 'access'])(
    'report %s asks for events that the server knows',
    async (report) => {
      expect(await json(['audit', 'report', report])).toMatchObject({ report, complete: true });
    },
  );

  test('report tells changes, and what of them stood at a time', async () => {
    const block = { tool: 'x_*', reason: 'test', expiresInMs: 60_000 };
    const { body: added } = await server.request('POST', '/v1/blocks', { body: block });
    const during = (await server.request('GET', '/v1/audit/events?type=block_added')).body.items[0].time;
    await server.request('DELETE', `/v1/blocks/${added.id}`);
    const changes = await json(['audit', 'report', 'changes']);
    expect(types(changes.items)).toEqual(
      expect.arrayContaining(['block_removed', 'block_added', 'key_created']),
    );
    const soon = new Date(Date.parse(during) + 1).toISOString();
    const then = await json(['audit', 'report', 'changes', '--at', soon]);
    expect(types(then.items)).toEqual(expect.arrayContaining(['block_added', 'policy_activated']));
    const later = await json([
      'audit',
      'report',
      'changes',
      '--at',
      new Date(Date.now() + 1000).toISOString(),
    ]);
    expect(types(later.items)).not.toContain('block_added');
    expect(await cli(['audit', 'report', 'access', '--at', soon])).toMatchObject({ code: 2 });
    const noTime = await cli(['audit', 'report', 'changes', '--at', '2026-01-31']);
    expect(noTime).toMatchObject({ code: 2, stdout: '' });
    expect(noTime.stderr).toContain('--at must be an RFC 3339 time');
  });

  test('tail begins with the newest, and follows what comes, which is one reading', async () => {
    const args = ['src/main.ts', 'audit', 'tail', '--follow', '--count', '1', '--type', 'key_created'];
    const environment = { PATH: process.env['PATH'], SALLYPORT_URL: server.url, SALLYPORT_API_KEY: adminKey };
    const child = spawn(process.execPath, args, { cwd: repository, env: environment });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<StoredEvent> =>
      JSON.parse((await lines.next()).value ?? '') as StoredEvent;
    expect(await next()).toMatchObject({ type: 'key_created', details: { principal: 'dana' } });
    await server.keyFor('nora', [], ['call']);
    expect(await next()).toMatchObject({ type: 'key_created', details: { principal: 'nora' } });
    child.kill();
    await once(child, 'exit');
    const reads = await server.request('GET', '/v1/audit/events?type=audit_read&principal=dana&limit=500');
    const follows = reads.body.items.filter(({ details }: StoredEvent) => details['what'] === 'follow');
    expect(follows).toHaveLength(1);
  });

  test.each([
    ['erase', ['erase', '--reason', 'r', '--legal-basis', 'l', '--ticket', 't']],
    ['hold set', ['hold', 'set', '--reason', 'court', '--tenant', 'default']],
  ])('%s without what is meant is called wrongly', async (_what, words) => {
    const ended = await cli(['audit', ...words]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toBe('sallyport: Give --call-id, --principal or --session: what is meant.\n');
  });

  test('hold and erase say what the rules say, and report erasures has it', async () => {
    const body = { tool: 'js_run', args: { code: 'return 1' } };
    const { body: call } = await server.request('POST', '/v1/calls', { body });
    const why = ['--reason', 'r', '--legal-basis', 'l', '--ticket', 't'];
    const hold = await json(['audit', 'hold', 'set', '--call-id', call.id, '--reason', 'court']);
    expect((await json(['audit', 'hold', 'list'])).items).toEqual([hold]);
    const refused = await cli(['audit', 'erase', '--call-id', call.id, ...why]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`erasure_refused: A hold means some of it (${hold.id})`);
    await json(['audit', 'hold', 'release', hold.id, '--reason', 'settled']);
    const erased = await json(['audit', 'erase', '--call-id', call.id, ...why]);
    expect(erased.items).toMatchObject([{ calls: 1, remaining: false, scrubbed: true }]);
    const report = await json(['audit', 'report', 'erasures']);
    expect(types(report.items)).toEqual(['erased', 'hold_released', 'erasure_refused', 'hold_set']);
  });
});

describe('sallyport backup', () => {
  test('copies a running record, which restored goes on with its chain; an erasure names the copy', async () => {
    const { body: call } = await server.call('js_run', { code: 'return "kept in the copy"' });
    const restored = join(folder, 'restored');
    const file = join(folder, 'copy.db');
    const done = await json(['backup', '--out', file, '--keys', restored]);
    expect(done).toMatchObject({ file, valid: true });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(restored).toSorted()).toEqual(['data.key', 'sealing.key', 'signing.key']);
    expect(await cli(['backup', '--out', file])).toMatchObject({ code: 2 });

    const erasure = { callId: call.id, reason: 'r', legalBasis: 'l', ticket: 't' };
    const answer = await server.request('POST', '/v1/audit/erasures', { key: adminKey, body: erasure });
    expect(answer.body.backups).toMatchObject([expect.stringContaining(file)]);

    const { renameSync } = await import('node:fs');
    renameSync(file, join(restored, 'record.db'));
    await using again = await startServer({ dataDir: restored });
    const key = server.key;
    expect((await again.request('GET', `/v1/calls/${call.id}`, { key })).body).toMatchObject({
      result: 'kept in the copy',
    });
    expect((await again.request('GET', '/v1/audit/verify', { key })).body).toMatchObject({
      valid: true,
      trust: 'self-signed',
    });
  });
});
