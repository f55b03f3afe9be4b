/** A reload of 10,000 rules on a running server, and what somebody who asks for decisions meanwhile notices of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { manyRules } from './decision-scale.ts';
import { startSallyport } from './processes.ts';
import type { Measured } from './processes.ts';

const RULES = 10_000;
const RELOADS = 5;
const QUIET_MS = 3000;
const PAUSE_MS = 5;
const DECISION = { tool: 'tool_3', args: { code: 'x', limit: 1 } };

export interface ReloadResult {
  /** Until the new revision decides, milliseconds, each run. */
  readonly reloadMs: readonly number[];
  /** Answers to one who asks every 5 ms, milliseconds: before, and while the server reloads. */
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
    const quiet = await asking(server, () => sleep(QUIET_MS));
    const reloadMs: number[] = [];
    const during: number[] = [];
    for (let at = 0; reloadMs.length < RELOADS; at += 1) {
      if (at === 3 * RELOADS) throw new Error('the watch is first each time');
      await writeFile(file, manyRules(RULES).replace('tool_0}', `tool_0, description: "${at}"}`));
      let change: unknown;
      let tookMs = 0;
      const { times } = await asking(server, async () => {
        const startedAt = performance.now();
        ({ outcome: change } = (await post(server, '/v1/policy/reload')) as { outcome?: string });
        tookMs = performance.now() - startedAt;
      });
      during.push(...times);
      // Unchanged: the watch over the files took them up before it was asked for.
      if (change === 'activated') reloadMs.push(tookMs);
      else if (change !== 'unchanged') throw new Error(`the reload: ${String(change)}`);
    }
    return { reloadMs, quiet: latency(quiet.times), meanwhile: latency(during) };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Asks for a decision every few milliseconds, as somebody who does not fill a core by asking, until `work` is done. */
async function asking(server: Measured, work: () => Promise<unknown>): Promise<{ times: number[] }> {
  const times: number[] = [];
  const done = work();
  const ended = done.then(
    () => true,
    () => true,
  );
  do {
    const startedAt = performance.now();
    await post(server, '/v1/decisions', DECISION);
    times.push(performance.now() - startedAt);
  } while (!(await Promise.race([ended, sleep(PAUSE_MS, false)])));
  await done;
  return { times };
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
