/** What the tests of isolates share: an executor of their own each, and short ways to run code in it. */
import { readFileSync } from 'node:fs';
import type { IsolateProfile, SandboxExecutor } from '../../../src/execution/executor.ts';
import { locateAddon } from '../../../src/execution/isolate/addon.ts';
import { WorkerCgroups } from '../../../src/execution/isolate/cgroup/worker-cgroups.ts';
import { confineAsProcess } from '../../../src/execution/isolate/confine-process.ts';
import { workerProgram } from '../../../src/execution/isolate/confinement.ts';
import type { Confinement } from '../../../src/execution/isolate/confinement.ts';
import { createIsolateExecutor } from '../../../src/execution/isolate/isolate-executor.ts';
import type { IsolateExecutorOptions } from '../../../src/execution/isolate/isolate-executor.ts';
import type { JsonObject, JsonValue } from '../../../src/model/json.ts';
import type { Limits } from '../../../src/model/limits.ts';
import type { Reuse } from '../../../src/model/tool.ts';
import { collectRun } from '../../support/collect-run.ts';
import type { CollectedRun, RunOptions } from '../../support/collect-run.ts';

export const limits: Limits = {
  timeoutMs: 5000,
  memoryMiB: 32,
  cpus: 1,
  pids: 16,
  outputBytes: 65_536,
  logBytes: 65_536,
  artifactBytes: 0,
  hostCalls: 1000,
};

export const quiet = { info: () => {}, warn: () => {}, error: () => {} };

/** The confinement by a process alone, without cgroups. */
export function confineAsPlainProcess(): Confinement {
  const { readable } = workerProgram(locateAddon().path);
  return confineAsProcess({ cgroups: WorkerCgroups.open(null), readable })[0];
}

export function createExecutor(options: Partial<IsolateExecutorOptions> = {}): Promise<SandboxExecutor> {
  return createIsolateExecutor({
    confinement: 'process',
    confineInContainer: () => Promise.reject(new Error('no container engine in this test')),
    poolSize: 2,
    logger: quiet,
    ...options,
  });
}

export function toolProfile(source: string, name = 'tool.js', reuse: Reuse = 'tenant'): IsolateProfile {
  return {
    kind: 'isolate',
    tool: 'a_tool',
    limits,
    reuse,
    minConfinement: 'process',
    webAssembly: false,
    code: { name, source },
  };
}

/** A tool of the policy directory: the arguments are the input. */
export function runTool(
  executor: SandboxExecutor,
  source: string,
  args: JsonObject = {},
  options: Partial<RunOptions> & { readonly reuse?: Reuse; readonly name?: string } = {},
): Promise<CollectedRun> {
  const profile = toolProfile(source, options.name, options.reuse);
  return collectRun(executor, { profile, args, limits, ...options });
}

/** The caller's own code, as `js_run` takes it. */
export function runCode(
  executor: SandboxExecutor,
  code: string,
  input?: JsonValue,
  narrowed: Partial<Limits> = {},
): Promise<CollectedRun> {
  const profile: IsolateProfile = {
    kind: 'isolate',
    tool: 'js_run',
    limits,
    reuse: 'tenant',
    minConfinement: 'process',
    webAssembly: false,
    code: null,
  };
  const args = input === undefined ? { code } : { code, input };
  return collectRun(executor, { profile, args, limits: { ...limits, ...narrowed } });
}

/** Processes whose parent is this test's process, with their command lines. */
export function workerPids(): number[] {
  return childrenOf(process.pid).filter((pid) => commandOf(pid).includes('execution/isolate/worker/worker'));
}

/** The same and all that descends from them: under bubblewrap the worker is a child of the process that we know. */
export function workerTreePids(): number[] {
  const descend = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(descend)];
  return workerPids().flatMap(descend);
}

function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
