/**
 * Every trick of this folder, with what must become of it, for one way to confine workers.
 * A trick's header says `expect: exit [detail] | …` and, when it needs them, `limits: name=value`. While it runs,
 * another tenant's calls must go on unharmed; after it, nothing may be left running, nothing of the trick may be
 * found by its tenant's next call, and none of the canaries may be in anything that it said.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import { locateAddon } from '../../../src/execution/isolate/addon.ts';
import type { Limits } from '../../../src/model/limits.ts';
import { limits, toolProfile } from '../../execution/isolate/support.ts';
import type { CollectedRun } from '../../support/collect-run.ts';
import { collectRun } from '../../support/collect-run.ts';

export interface CorpusSubject {
  readonly name: string;
  create(): Promise<SandboxExecutor>;
  /** Host pids of all processes that belong to workers of this executor now, helpers of the confinement included. */
  workerPids(): readonly number[] | Promise<readonly number[]>;
}

interface Trick {
  readonly source: string;
  /** Any of these; `completed {json}`, `threw Name`, or an exit alone. */
  readonly accepted: readonly string[];
  readonly limits: Limits;
}

/** Exits that the runner brings about by killing: the process that ran the trick is gone afterwards. */
const killing: ReadonlySet<string> = new Set(['timed_out', 'out_of_memory', 'output_limit', 'crashed']);
/** Deadline to exit, milliseconds: what a kill may take on a busy machine. */
const graceMs = 2500;

/** Of all tricks: a worker that outlives one gets the next, so that what is left of any trick would show. */
const tenant = 'trickster';

/** Planted where a trick might look: the environment of the runner, a file, arguments of another tenant. */
const canaries = {
  environment: 'canary-environment-5b1f',
  file: 'canary-file-9c2e',
  arguments: 'canary-arguments-77d0',
};
const bystander = `export default async ({ secret, rounds }) => {
  const copies = [];
  for (let n = 0; n < rounds; n += 1) { copies.push(secret + n); await null; }
  return [copies.length, copies.at(-1), globalThis.leftover ?? null, Object.prototype.leftover ?? null];
};`;
/** What a call finds that no other call has touched. */
const pristine = `export default () => [globalThis.leftover ?? null, {}.leftover ?? null, Reflect.ownKeys(globalThis).length,
  [Object, Array, Function, String, Promise, Error].flatMap((kind) => [kind, kind.prototype]).map((o) => Reflect.ownKeys(o).length)];`;

const folder = new URL('.', import.meta.url);
export const trickNames = readdirSync(folder).filter((name) => name.endsWith('.js'));

export function describeEscapeCorpus(subject: CorpusSubject): void {
  describe(`tricks inside an isolate (${subject.name})`, () => {
    let executor: SandboxExecutor;
    let untouched: string;
    const canaryFolder = mkdtempSync(join(tmpdir(), 'sallyport-canary-'));
    beforeAll(async () => {
      vi.stubEnv('SALLYPORT_CANARY', canaries.environment);
      writeFileSync(join(canaryFolder, 'canary'), canaries.file);
      executor = await subject.create();
      untouched = (await runAs(executor, tenant, pristine)).result;
    });
    afterAll(async () => {
      await executor[Symbol.asyncDispose]();
      vi.unstubAllEnvs();
      rmSync(canaryFolder, { recursive: true });
    });

    test.for(trickNames)('%s', async (name) => {
      const trick = readTrick(name);
      const ended = new AbortController();
      const bystanders = keepCalling(executor, ended.signal);
      const before = [await subject.workerPids()];
      const started = Promise.withResolvers<readonly number[]>();
      const run = await collectRun(executor, {
        profile: toolProfile(trick.source, name),
        args: { canary: join(canaryFolder, 'canary') },
        limits: trick.limits,
        tenant,
        onFrame: (frame) => {
          if (frame.type === 'started') started.resolve(subject.workerPids());
        },
      });
      started.resolve([]);
      before.push(await started.promise);
      const after = await subject.workerPids();
      ended.abort();

      expect(trick.accepted).toContain(outcomeOf(run));
      expect(run.usage.wallMs).toBeLessThan(trick.limits.timeoutMs + graceMs);
      expectNothingTold(run, canaryFolder);
      expectBystandersUnharmed(await bystanders);
      if (killing.has(run.exit.reason)) expect(before.flat().some((pid) => !after.includes(pid))).toBe(true);
      expect((await runAs(executor, tenant, pristine)).result).toBe(untouched);
      await vi.waitFor(async () => expect((await subject.workerPids()).filter(isBusy)).toEqual([]), 10_000);
    });
  });
}

export function readTrick(name: string): Trick {
  const source = readFileSync(new URL(name, folder), 'utf8');
  const accepted = /^\/\/ expect: (.+)$/m.exec(source)?.[1]?.split(' | ') ?? [];
  const narrowed = /^\/\/ limits: (.+)$/m.exec(source)?.[1]?.matchAll(/(\w+)=(\d+)/g) ?? [];
  const own = Object.fromEntries([...narrowed].map(([, limit, value]) => [limit, Number(value)]));
  const timeoutMs = accepted.includes('timed_out') ? 300 : 15_000;
  return { source, accepted, limits: { ...limits, timeoutMs, ...own } };
}

export function outcomeOf({ exit, result }: CollectedRun): string {
  if (exit.reason === 'completed') return `completed ${result}`;
  return exit.reason === 'threw' ? `threw ${exit.error?.name}` : exit.reason;
}

function runAs(executor: SandboxExecutor, tenant: string, source: string, args = {}): Promise<CollectedRun> {
  return collectRun(executor, { profile: toolProfile(source), args, limits, tenant });
}

/** Calls of another tenant, one after the other, from before the trick until it has ended. */
async function keepCalling(executor: SandboxExecutor, ended: AbortSignal): Promise<CollectedRun[]> {
  const runs: CollectedRun[] = [];
  do {
    const args = { secret: canaries.arguments, rounds: 1000 };
    runs.push(await runAs(executor, 'bystander', bystander, args));
  } while (!ended.aborted);
  return runs;
}

function expectBystandersUnharmed(runs: readonly CollectedRun[]): void {
  for (const run of runs)
    expect(outcomeOf(run)).toBe(`completed [1000,"${canaries.arguments}999",null,null]`);
}

/** No canary, and nothing of where the host keeps what. */
function expectNothingTold(run: CollectedRun, canaryFolder: string): void {
  const said = [run.stdout, run.stderr, run.result, JSON.stringify(run.exit.error)].join('\n');
  const host = [process.cwd(), locateAddon().path, process.execPath, 'file://', 'sallyport:'];
  const telling = [...Object.values(canaries), ...host].filter((text) => said.includes(text));
  expect(telling).toEqual([]);
  // The trick was told where the file is; it may say so, and no more.
  expect(said.replaceAll(canaryFolder, '')).not.toContain(tmpdir() + '/sallyport');
}

/** Whether any thread of the process runs or wants to (proc(5), state R). */
export function isBusy(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
      return stat.slice(stat.lastIndexOf(')') + 2).startsWith('R');
    });
  } catch {
    return false;
  }
}
