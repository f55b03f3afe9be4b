/** What is used only after it proved itself, and what is refused. */
import { describe, expect, test } from 'vitest';
import { NotStarted } from '../../../src/execution/executor.ts';
import { addonObjection, locateAddon } from '../../../src/execution/isolate/addon.ts';
import { nodeArguments } from '../../../src/execution/isolate/confinement.ts';
import type { Confinement } from '../../../src/execution/isolate/confinement.ts';
import { testConfinement } from '../../../src/execution/isolate/self-test.ts';
import { spawnWorker } from '../../../src/execution/isolate/spawn-worker.ts';
import { collectRun } from '../../support/collect-run.ts';
import { confineAsPlainProcess, createExecutor, limits, runTool, toolProfile } from './support.ts';

const addon = locateAddon();
const plain = confineAsPlainProcess();

async function objectionTo(confinement: Confinement): Promise<string | null> {
  return (await testConfinement(confinement, addon.path)).objection;
}

function withNodeArguments(change: (args: string[]) => string[]): Confinement {
  const launch: Confinement['launch'] = (program) =>
    spawnWorker(process.execPath, change(nodeArguments(program)));
  return { name: 'process', protections: [], missing: [], launch };
}

describe('the self-test', () => {
  test('passes a process under the permission model', async () => {
    expect(await objectionTo(plain)).toBe(null);
  });

  test('refuses a process that is not confined, and says what it could do', async () => {
    const bare = withNodeArguments((args) =>
      args.filter((arg) => arg !== '--permission' && !arg.startsWith('--allow')),
    );
    expect(await objectionTo(bare)).toBe(
      'a confined worker opened a socket, read /etc/passwd, wrote a file, spawned a process',
    );
  });

  test.each([
    ['--allow-net', 'opened a socket'],
    ['--allow-fs-read=/etc/', 'read /etc/passwd'],
    ['--allow-fs-write=/tmp/', 'wrote a file'],
    ['--allow-child-process', 'spawned a process'],
  ])('refuses one that has %s too much', async (flag, breach) => {
    const loose = withNodeArguments((args) => [flag, ...args]);
    expect(await objectionTo(loose)).toBe(`a confined worker ${breach}`);
  });

  test('refuses one that does not start', async () => {
    const missing: Confinement = {
      ...plain,
      launch: () => spawnWorker('/nonexistent/node', []),
    };
    expect(await objectionTo(missing)).toContain('a worker cannot be started');
  });

  test('refuses one that answers nonsense', async () => {
    const program = `require('node:fs').writeSync(3, 'not a frame at all')`;
    const nonsense: Confinement = {
      ...plain,
      launch: () => spawnWorker(process.execPath, ['-e', program]),
    };
    expect(await objectionTo(nonsense)).toContain('the self-test answered with');
  });
});

describe('the executor', () => {
  test('is down, and runs nothing, with an isolated-vm below 7.0.1', async () => {
    await using executor = await createExecutor({ addon: { ...addon, version: '7.0.0' } });
    expect(await executor.health()).toEqual({
      kind: 'isolate',
      state: 'down',
      confinement: 'none',
      reason: 'isolated-vm 7.0.0 is unsafe (GHSA-864f-rcv7-6rh4); install 7.0.1 or later',
    });
    await expect(runTool(executor, 'export default () => 1;')).rejects.toBeInstanceOf(NotStarted);
  });

  test.each(['7.0.1', '7.0.2', '7.1.0', '8.0.0', '10.0.0'])('accepts isolated-vm %s', (version) => {
    expect(addonObjection({ ...addon, version })).toBe(null);
  });

  test.each(['6.9.9', '7.0.0', '7.0', '0.0.0'])('refuses isolated-vm %s', (version) => {
    expect(addonObjection({ ...addon, version })).not.toBe(null);
  });

  test('refuses to be built when the named confinement cannot be had', async () => {
    const broken = createExecutor({ confinement: 'process', addon: { ...addon, path: '/nonexistent.node' } });
    await expect(broken).rejects.toThrow('isolate confinement process cannot be had');
  });

  test('is down, with the reasons, when auto finds nothing that works', async () => {
    await using executor = await createExecutor({
      confinement: 'auto',
      addon: { ...addon, path: '/nonexistent.node' },
    });
    const health = await executor.health();
    expect(health).toMatchObject({ state: 'down', confinement: 'none' });
    expect(health.reason).toContain('no confinement of isolate workers works here');
    await expect(runTool(executor, 'export default () => 1;')).rejects.toBeInstanceOf(NotStarted);
  });

  test('runs nothing of a tool that demands more than there is, and says so', async () => {
    await using executor = await createExecutor({ confinement: 'process' });
    const profile = { ...toolProfile('export default () => 1;'), minConfinement: 'bwrap' } as const;
    const refused = collectRun(executor, { profile, args: {}, limits });
    await expect(refused).rejects.toBeInstanceOf(NotStarted);
    await expect(refused).rejects.toThrow(
      'a_tool demands the confinement bwrap or stronger, and isolates of this host run under process',
    );
  });

  test('auto prefers bubblewrap', async () => {
    await using executor = await createExecutor({ confinement: 'auto' });
    expect(await executor.health()).toMatchObject({ state: 'ok', confinement: 'bwrap' });
  });
});
