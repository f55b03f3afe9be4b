/** A reload of 10,000 rules on a running server, and what somebody who asks for decisions meanwhile notices of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manyRules } from './decision-scale.ts';
import { startSallyport } from './processes.ts';
import type { Measured } from './processes.ts';

const RULES = 10_000;
const RELOADS = 5;

export interface ReloadResult {
  /** Until the new revision decides, milliseconds, each run. */
  readonly reloadMs: readonly number[];
  /** Answers that were asked for one after the other, milliseconds: before, and while the server reloads. */
  readonly quiet: Latency;
  readonly meanwhile: Latency;
}

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function benchReload(): Promise<ReloadResult> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  try {
    const file = join(directory, 'policy.yaml');
    await writeFile(file, manyRules(RULES));
    await using server = await startSallyport({ SALLYPORT_POLICY_DIR: directory });
    const quiet = await asking(server, async () => ask(server, 500));
    const reloadMs: number[] = [];
    const during: number[] = [];
    for (let at = 0; at < RELOADS; at += 1) {
      await writeFile(file, manyRules(RULES).replace('tool_0}', `tool_0, description: "${at}"}`));
      const { times } = await asking(server, async () => {
        const startedAt = performance.now();
        const { outcome } = (await post(server, '/v1/policy/reload')) as { outcome?: string };
        if (outcome !== 'activated') throw new Error(`the reload: ${outcome}`);
        reloadMs.push(performance.now() - startedAt);
      });
      during.push(...times);
    }
    return { reloadMs, quiet: latency(quiet.times), meanwhile: latency(during) };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Asks for decisions, one after the other, until `work` is done. */
async function asking(server: Measured, work: () => Promise<unknown>): Promise<{ times: number[] }> {
  const times: number[] = [];
  const state = { isDone: false };
  const done = work().finally(() => {
    state.isDone = true;
  });
  while (!state.isDone) {
    const startedAt = performance.now();
    await post(server, '/v1/decisions', { tool: 'tool_3', args: { code: 'x', limit: 1 } });
    times.push(performance.now() - startedAt);
  }
  await done;
  return { times };
}

async function ask(server: Measured, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1)
    await post(server, '/v1/decisions', { tool: 'tool_3', args: { code: 'x', limit: 1 } });
}

async function post({ url, key }: Measured, path: string, body?: object): Promise<unknown> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

function latency(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
