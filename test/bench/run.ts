/**
 * `npm run bench`: B1 to B11 in pairs A B A B against the peers, medians of the ratios. Not a test: nothing here asserts
 * a time. `npm run bench -- calls start` measures these parts alone. Peers come from this folder's own package;
 * `npm install` in it first. `containers` needs root, an engine and the built images.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { load, sequential } from './load.ts';
import { pack, residentBytes, startBareServer, startSallyport } from './processes.ts';
import type { Form } from './processes.ts';

const pairs = Number(process.env['BENCH_PAIRS'] ?? 3);
const secondsPerRun = Number(process.env['BENCH_SECONDS'] ?? 6);
const sequentialCount = 400;
const code = 'return {sum: input.a + input.b}';
const numbers = { a: 20, b: 22 };

if (!existsSync(join(import.meta.dirname, 'node_modules'))) {
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund'], {
    cwd: import.meta.dirname,
    stdio: 'inherit',
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function benchCalls(): Promise<Record<string, unknown>> {
  await using ours = await startSallyport();
  await using bare = await startBareServer(code);
  const oursTarget = {
    url: `${ours.url}/v1/calls`,
    body: { tool: 'add', args: numbers },
    headers: { authorization: `Bearer ${ours.key}` },
  };
  const bareTarget = { url: `${bare.url}/run`, body: { input: numbers } };
  for (const target of [oursTarget, bareTarget]) await load({ ...target, connections: 16, seconds: 3 });
  const rows = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const a = await load({ ...oursTarget, connections: 16, seconds: secondsPerRun });
    const b = await load({ ...bareTarget, connections: 16, seconds: secondsPerRun });
    const a1 = await sequential(oursTarget, sequentialCount);
    const b1 = await sequential(bareTarget, sequentialCount);
    rows.push({ a, b, a1, b1 });
    say(
      `pair ${pair + 1}: ours ${round(a.requestsPerSecond)} req/s, bare ${round(b.requestsPerSecond)} req/s; one connection p50 ours ${round(a1.p50Ms)} ms, bare ${round(b1.p50Ms)} ms`,
    );
  }
  const memory = ours
    .pids()
    .map(({ name, pid }) => ({ name, residentMiB: round(residentBytes(pid) / 1024 ** 2, 1) }));
  return {
    B1: {
      oursRequestsPerSecond: round(median(rows.map(({ a }) => a.requestsPerSecond)), 0),
      bareRequestsPerSecond: round(median(rows.map(({ b }) => b.requestsPerSecond)), 0),
      ratio: round(median(rows.map(({ a, b }) => a.requestsPerSecond / b.requestsPerSecond))),
      oursP99Ms: median(rows.map(({ a }) => a.p99Ms)),
      bareP99Ms: median(rows.map(({ b }) => b.p99Ms)),
    },
    B2: {
      oursP50Ms: round(median(rows.map(({ a1 }) => a1.p50Ms))),
      bareP50Ms: round(median(rows.map(({ b1 }) => b1.p50Ms))),
      ratio: round(median(rows.map(({ a1, b1 }) => a1.p50Ms / b1.p50Ms))),
    },
    B10: { afterLoad: memory },
  };
}

async function benchStart(): Promise<Record<string, unknown>> {
  pack();
  const packed = await measureStarts('packed');
  const source = await measureStarts('source');
  return { B11: source.times, B11packed: packed.times, B10idle: source.idle };
}

async function measureStarts(form: Form): Promise<{ times: Record<string, number>; idle: object[] }> {
  const listening: number[] = [];
  const firstCall: number[] = [];
  let idle: object[] = [];
  // The first one fills the compile cache.
  for (let run = 0; run < 6; run += 1) {
    await using ours = await startSallyport({}, form);
    const startedAt = performance.now();
    const response = await fetch(`${ours.url}/v1/calls`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ours.key}` },
      body: JSON.stringify({ tool: 'add', args: numbers }),
    });
    if (!response.ok) throw new Error(`first call: ${response.status}`);
    await response.text();
    const answeredMs = ours.startMs + performance.now() - startedAt;
    idle = ours
      .pids()
      .map(({ name, pid }) => ({ name, residentMiB: round(residentBytes(pid) / 1024 ** 2, 1) }));
    if (run === 0) continue;
    listening.push(ours.startMs);
    firstCall.push(answeredMs);
  }
  return {
    times: { listeningMs: round(median(listening), 0), firstCallMs: round(median(firstCall), 0) },
    idle,
  };
}

async function benchDecisions(): Promise<Record<string, unknown>> {
  const { benchDecision } = await import('./decision.ts');
  const decision = await benchDecision({ pairs, secondsPerRun, median });
  return {
    B5: {
      oursP50Us: round(decision.oursP50Us),
      oursPerSecond: round(decision.oursPerSecond, 0),
      cedarP50Us: round(decision.cedarP50Us),
      cedarRatio: round(decision.cedarRatio, 1),
      cerbosPerSecond: round(decision.cerbosPerSecond, 0),
      cerbosRatio: round(decision.cerbosRatio, 1),
    },
  };
}

async function benchManyRules(): Promise<Record<string, unknown>> {
  const { benchScale } = await import('./decision-scale.ts');
  const scale = await benchScale();
  return {
    B6: {
      fewP50Us: round(scale.few.p50Us),
      manyP50Us: round(scale.many.p50Us),
      ratio: round(scale.ratio),
      compileManyMs: round(scale.many.compileMs, 0),
      compileManyCpuMs: round(scale.many.compileCpuMs, 0),
    },
  };
}

/** What is measured, by the name that picks it on the command line. */
const parts: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  decision: benchDecisions,
  rules: benchManyRules,
  reload: async () => ({ reload: await (await import('./reload.ts')).benchReload() }),
  boundary: async () => ({ B7: await (await import('./boundary.ts')).benchBoundary() }),
  record: async () => (await import('./record.ts')).benchRecord({ median, pairs, say }),
  start: benchStart,
  calls: benchCalls,
  containers: async () => ({ containers: await (await import('./containers.ts')).benchContainers() }),
};
const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
const unknown = chosen.filter((name) => !(name in parts));
if (unknown.length > 0) {
  say(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
const isWhole = process.argv.length <= 2;
const results: Record<string, unknown> = {
  date: new Date().toISOString(),
  machine: { cpus: cpus().length, model: cpus()[0]?.model, memoryGiB: round(totalmem() / 1024 ** 3, 0) },
  node: process.version,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  settings: { pairs, secondsPerRun, sequentialCount, connections: 16 },
};
const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
for (const name of chosen) {
  say(name);
  Object.assign(results, await parts[name]?.());
  // A part alone goes to the terminal; the file of a day holds all of them, and what was measured before one that fails.
  if (isWhole)
    writeFileSync(
      join(folder, `${String(results['date']).slice(0, 10)}.json`),
      `${JSON.stringify(results, null, 2)}\n`,
    );
}
process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
