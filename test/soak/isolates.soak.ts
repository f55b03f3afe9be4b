/** Honest calls beside every trick of the corpus, for a long time: nothing piles up in the runner or beside it. */
import { readFileSync, readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { SandboxExecutor } from '../../src/execution/executor.ts';
import { isBusy, readTrick, trickNames, outcomeOf } from '../escape/isolate/suite.ts';
import {
  createExecutor,
  limits,
  toolProfile,
  workerPids,
  workerTreePids,
} from '../execution/isolate/support.ts';
import { collectRun } from '../support/collect-run.ts';

const calls = Number(process.env['SOAK_RUNS']);
const poolSize = 2;
const clients = 4;
/** One call in so many is a trick: most of those end with a killed worker. */
const trickEvery = 10;
const rssGrowthMiBMax = 64;
const descriptorGrowthMax = 8;

let executor: SandboxExecutor;
beforeAll(async () => {
  executor = await createExecutor({ confinement: 'auto', poolSize });
});
afterAll(async () => {
  await executor[Symbol.asyncDispose]();
});

test('thousands of honest and hostile calls leave no memory, descriptors, processes or work behind', async () => {
  await runCalls(0, Math.ceil(calls / 10));
  const before = await footprint();
  await runCalls(Math.ceil(calls / 10), calls);
  const after = await footprint();

  expect(after.rssMiB - before.rssMiB).toBeLessThan(rssGrowthMiBMax);
  expect(after.descriptors - before.descriptors).toBeLessThan(descriptorGrowthMax);
  expect(workerPids().length).toBeLessThanOrEqual(2 * poolSize + 4);
  await vi.waitFor(() => expect(workerTreePids().filter(isBusy)).toEqual([]), 10_000);
});

async function runCalls(from: number, to: number): Promise<void> {
  let next = from;
  const client = async (): Promise<void> => {
    while (next < to) {
      next += 1;
      await (next % trickEvery === 0 ? runTrick(next) : runHonest(next));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function runHonest(n: number): Promise<void> {
  const source = `export default async ({ n }) => { console.log(n); await null; return { n, sum: n + 1 }; };`;
  const run = await collectRun(executor, {
    profile: toolProfile(source),
    args: { n },
    limits,
    tenant: `honest-${n % 3}`,
  });
  expect(outcomeOf(run)).toBe(`completed {"n":${n},"sum":${n + 1}}`);
  expect(run.stdout).toBe(`${n}\n`);
}

/** A tenant each: one that gets its workers killed waits for new ones. */
async function runTrick(n: number): Promise<void> {
  const name = trickNames[(n / trickEvery) % trickNames.length] ?? '';
  const trick = readTrick(name);
  const run = await collectRun(executor, {
    profile: toolProfile(trick.source, name),
    args: { canary: '/nowhere' },
    limits: trick.limits,
    tenant: `hostile-${n}`,
  });
  const outcome = outcomeOf(run);
  expect({ name, outcome, isAccepted: trick.accepted.includes(outcome) }).toMatchObject({ isAccepted: true });
}

async function footprint(): Promise<{ rssMiB: number; descriptors: number }> {
  // What was just closed is closed by the loop.
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  return { rssMiB: rssKiB / 1024, descriptors: readdirSync('/proc/self/fd').length };
}
