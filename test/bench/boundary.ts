/**
 * B7: throughput of the filter with every detector on, as a call has it, by kind of text; beside it
 * secretlint's core with its recommended preset on the same texts, in pairs, each in a process of its own. CPU time of the
 * whole process, medians of the runs; the ratio is the median of the pairs'.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Ask } from './boundary-process.ts';
import { benchTexts } from './boundary-texts.ts';

/** Rounds over all texts before anything is measured: what V8 makes of the loops has settled then. */
const warmUps = 30;
const runs = 9;
/** Of one text in a run: one after a pause would pay for what V8 gave back meanwhile. */
const times = 5;
const megabytes = (size: number) => (times * size) / 1_000_000;

export async function benchBoundary(): Promise<Record<string, unknown>> {
  await using ours = start('sallyport');
  await using theirs = start('secretlint');
  const sizes = Object.entries(benchTexts()).map(([kind, text]) => [kind, Buffer.byteLength(text)] as const);
  for (const [kind] of sizes)
    for (const each of [ours, theirs]) await each.ask({ do: 'measure', kind, times: warmUps });
  const rows: Record<string, unknown> = {};
  for (const [kind, size] of sizes) {
    const pairs: { readonly ours: number; readonly theirs: number }[] = [];
    for (let run = 0; run < runs; run++) {
      const ask: Ask = { do: 'measure', kind, times };
      pairs.push({ ours: Number(await ours.ask(ask)), theirs: Number(await theirs.ask(ask)) });
    }
    rows[kind] = {
      oursMBPerSecond: round(megabytes(size) / median(pairs.map((pair) => pair.ours))),
      secretlintMBPerSecond: round(megabytes(size) / median(pairs.map((pair) => pair.theirs))),
      ratio: round(median(pairs.map((pair) => pair.theirs / pair.ours))),
    };
  }
  return {
    warmUps,
    runs,
    times,
    texts: rows,
    hostile: await ours.ask({ do: 'hostile' }),
    detectors: await ours.ask({ do: 'detectors' }),
    stagesMBPerSecond: await ours.ask({ do: 'stages' }),
  };
}

interface Filtering extends AsyncDisposable {
  /** Rejects when the process ends instead of answering. */
  readonly ask: (ask: Ask) => Promise<unknown>;
}

function start(name: 'sallyport' | 'secretlint'): Filtering {
  const child = fork(join(import.meta.dirname, 'boundary-process.ts'), [name]);
  const exited = once(child, 'exit');
  return {
    ask: async (ask) => {
      child.send(ask);
      const [answer] = (await Promise.race([once(child, 'message'), exited.then(ended)])) as [unknown];
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      child.disconnect();
      await exited;
    },
  };

  function ended(): never {
    throw new Error(`the process of ${name} ended before it answered`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

function round(value: number): number {
  return Number(value.toFixed(2));
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await benchBoundary(), null, 2)}\n`);
