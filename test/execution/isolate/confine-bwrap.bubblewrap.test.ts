/** Bubblewrap on a real host, as root: what holds, what the self-test says of one that lacks a guard. */
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { locateAddon } from '../../../src/execution/isolate/addon.ts';
import { WorkerCgroups } from '../../../src/execution/isolate/cgroup/worker-cgroups.ts';
import {
  bwrapArguments,
  confineWithBwrap,
  onlyChildOf,
} from '../../../src/execution/isolate/confine-bwrap.ts';
import { nodeArguments, workerProgram } from '../../../src/execution/isolate/confinement.ts';
import type { Confinement } from '../../../src/execution/isolate/confinement.ts';
import { workerFilter } from '../../../src/execution/isolate/seccomp/worker-filter.ts';
import { testConfinement } from '../../../src/execution/isolate/self-test.ts';
import { spawnWorker } from '../../../src/execution/isolate/spawn-worker.ts';

const addonPath = locateAddon().path;
const { readable } = workerProgram(addonPath);
const cgroups = WorkerCgroups.open();
afterAll(async () => await cgroups[Symbol.asyncDispose]());

/** Node, its libraries and the worker's files, as `bwrapArguments` binds them. */
const binds = ['/lib', '/lib64', '/usr/lib', process.execPath, ...readable];

interface Changes {
  /** Leaves out these, each with the values that follow it. */
  readonly without?: readonly (readonly string[])[];
  readonly user?: string;
  readonly more?: readonly string[];
  readonly filter?: Buffer | null;
  readonly isInCgroup?: boolean;
}

/** The real command line, but for the changes; as root's, so that bubblewrap alone has to give everything up. */
function changed({
  filter = workerFilter(),
  isInCgroup = true,
  more = [],
  without = [],
}: Changes): Confinement {
  const [real] = confineWithBwrap({ cgroups, readable });
  if (real === undefined) throw new Error('no confinement');
  return {
    ...real,
    protections: real.protections.filter((claim) => !/^(host user|resource limits)/.test(claim)),
    launch(program) {
      let args = bwrapArguments([...binds, ...program.readable], filter !== null);
      for (const words of without) args = withoutWords(args, words);
      const end = args.indexOf('--');
      args.splice(args.indexOf('--remount-ro') === -1 ? end : args.indexOf('--remount-ro'), 0, ...more);
      return spawnWorker('/usr/bin/bwrap', [...args, process.execPath, ...nodeArguments(program)], {
        ...(isInCgroup ? { cgroups } : {}),
        input: filter,
        workerPidOf: onlyChildOf,
      });
    },
  };
}

function withoutWords(args: readonly string[], words: readonly string[]): string[] {
  const at = args.findIndex((_arg, index) => words.every((word, offset) => args[index + offset] === word));
  if (at === -1) throw new Error(`no ${words.join(' ')} in ${args.join(' ')}`);
  return args.toSpliced(at, words.length);
}

async function verdictOn(confinement: Confinement): Promise<string> {
  const { objection, missing, protections } = await testConfinement(confinement, addonPath);
  if (objection !== null) return objection;
  const lost = confinement.protections.filter((claim) => !protections.includes(claim));
  return lost.length === 0 ? 'all proved' : `${lost.join(', ')}: ${missing.join(', ')}`;
}

test('as root, everything is claimed, everything is proved and nothing is missing', async () => {
  const [confinement] = confineWithBwrap({ cgroups, readable });
  if (confinement === undefined) throw new Error('no confinement');
  const { missing, objection, protections } = await testConfinement(confinement, addonPath);
  expect({ missing, objection }).toEqual({ missing: [], objection: null });
  expect(protections).toEqual([
    'all namespaces',
    'seccomp',
    'no_new_privs',
    'no capabilities',
    'user 65534',
    'host user 65534',
    'sees no other processes',
    'read-only root of Node and the worker',
    'node --permission',
    'empty environment',
    'resource limits',
    'memory cgroup',
    'pids cgroup',
  ]);
});

describe('the self-test of bubblewrap', () => {
  test('passes the real command line', async () => {
    expect(await verdictOn(changed({}))).toBe('all proved');
  });

  test.each<[string, Changes, string]>([
    ['with the network of the host', { more: ['--share-net'] }, 'do not hold: all namespaces'],
    ['without user 65534', { without: [['--uid', '65534']] }, 'do not hold: user 65534'],
    ['with a capability', { more: ['--cap-add', 'CAP_NET_RAW'] }, 'do not hold: no capabilities'],
    ['without the filter', { filter: null }, 'opened a socket, spawned a process'],
    ['with a variable', { more: ['--setenv', 'TOKEN', 'secret'] }, 'saw environment variables'],
    ['with a root that can be written', { without: [['--remount-ro', '/']] }, 'do not hold: read-only root'],
    [
      'with a root that can be written, and no filter',
      { without: [['--remount-ro', '/']], filter: null },
      'wrote a file',
    ],
    ['with the host’s users', { more: ['--ro-bind', '/etc', '/etc'] }, 'read /etc/passwd'],
    ['with a folder to write', { more: ['--bind', '/tmp', '/tmp'], filter: null }, 'wrote a file'],
    [
      'with the host’s processes',
      { more: ['--ro-bind', '/proc', '/proc'] },
      'do not hold: sees no other processes',
    ],
    [
      'with the network of the host, and no filter',
      { more: ['--share-net'], filter: null },
      'opened a socket',
    ],
    ['without its cgroups', { isInCgroup: false }, 'memory cgroup, pids cgroup: '],
  ])('%s says so', async (_what, changes, expected) => {
    expect(await verdictOn(changed(changes))).toContain(expected);
  });

  test.each(['ipc', 'net', 'cgroup'])('without a namespace of %s says so', async (name) => {
    const others = ['pid', 'uts', 'ipc', 'net', 'cgroup'].filter((other) => other !== name);
    const more = others.map((other) => `--unshare-${other}`);
    const confinement = changed({ without: [['--unshare-all']], more });
    expect(await verdictOn(confinement)).toContain('do not hold: all namespaces');
  });

  test('does not show what is claimed and cannot be proved', async () => {
    const boastful = { ...changed({}), protections: ['seccomp', 'unbreakable'] };
    const { missing, protections } = await testConfinement(boastful, addonPath);
    expect(protections).toEqual(['seccomp']);
    expect(missing).toEqual(['unbreakable (it cannot be proved here)']);
  });
});

test('the root of a worker holds Node, its libraries and the worker, and nothing else', async () => {
  const [confinement] = confineWithBwrap({ cgroups, readable });
  const worker = confinement?.launch(workerProgram(addonPath));
  if (worker === undefined) throw new Error('no worker');
  await new Promise((resolve) => worker.channel.once('data', resolve));
  const root = `/proc/${worker.workerPid()}/root`;
  const inProgram = new Set([process.execPath, ...readable].map((path) => path.split('/')[1]));
  expect(
    readdirSync(root)
      .filter((name) => !inProgram.has(name))
      .sort(),
  ).toEqual(['lib', 'lib64']);
  expect(readFileSync(`/proc/${worker.workerPid()}/environ`, 'utf8')).toBe('PWD=/\0');
  worker.kill();
  await worker.ended;
});
