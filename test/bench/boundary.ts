/**
 * B7: throughput of the filter with every detector on, as a call has it, by kind of text; beside it
 * secretlint's core with its recommended preset on the same texts, in pairs. CPU time of one core, medians of the runs;
 * the ratio is the median of the pairs'.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBoundary } from '../../src/boundary/boundary.ts';
import { benchDetectors, benchStages } from './boundary-stages.ts';

interface Secretlint {
  lintSource(call: object): Promise<unknown>;
}

const warmUps = 10;
const runs = 15;
const megabyte = 1_000_000;
const modules = join(import.meta.dirname, '../../node_modules');

export async function benchBoundary(): Promise<Record<string, unknown>> {
  const peer: Readonly<Record<'core' | 'preset', string>> = {
    core: '@secretlint/core',
    preset: '@secretlint/secretlint-rule-preset-recommend',
  };
  const secretlint = (await import(peer.core)) as Secretlint;
  const { creator } = (await import(peer.preset)) as {
    readonly creator: object;
  };
  const boundary = createBoundary({
    redactionKey: new Uint8Array(32).fill(7),
    knownSecrets: [{ id: 'canary', secret: 'a canary that nobody has seen' }],
  });
  const filter = (stdout: Uint8Array) =>
    boundary.filterOutput({ result: null, error: null, stdout, stderr: new Uint8Array(), artifacts: [] }, []);
  const lint = (content: string) =>
    secretlint.lintSource({
      source: { filePath: 'a.txt', content, contentType: 'text', ext: '.txt' },
      options: {
        config: { rules: [{ id: peer.preset, rule: creator }] },
      },
    });

  const rows: Record<string, unknown> = {};
  for (const [kind, text] of Object.entries(texts())) {
    const bytes = new TextEncoder().encode(text);
    for (let run = 0; run < warmUps; run += 1) {
      filter(bytes);
      await lint(text);
    }
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      ours.push(await cpuSeconds(() => filter(bytes)));
      theirs.push(await cpuSeconds(() => lint(text)));
    }
    rows[kind] = {
      oursMBPerSecond: round(bytes.length / megabyte / median(ours)),
      secretlintMBPerSecond: round(bytes.length / megabyte / median(theirs)),
      ratio: round(median(ours.map((seconds, run) => (theirs[run] ?? 0) / seconds))),
    };
  }
  const hostileRows: Record<string, unknown> = {};
  for (const unit of hostile) {
    const small = await best(() => filter(repeat(unit, 100_000)));
    const large = await best(() => filter(repeat(unit, megabyte)));
    hostileRows[JSON.stringify(unit)] = {
      MBPerSecond: round(1 / large),
      timesForTenfold: round(large / small),
    };
  }
  const stages = Object.fromEntries(
    Object.entries(texts()).map(([kind, text]) => [kind, benchStages(text)] as const),
  );
  return {
    warmUps,
    runs,
    texts: rows,
    stagesMBPerSecond: stages,
    hostile: hostileRows,
    detectors: benchDetectors(filter),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}

async function best(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < warmUps; run += 1) least = Math.min(least, await cpuSeconds(work));
  return least;
}

async function cpuSeconds(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Each kind of output by itself, and all of them in one text. */
function texts(): Record<string, string> {
  const kinds = kindsOfText();
  return { ...kinds, mixed: Object.values(kinds).join('\n') };
}

function kindsOfText(): Record<string, string> {
  return {
    code: readTree('fast-check/lib', /\.js$/),
    markdown: readTree('.', /\.md$/),
    json: readTree('.', /package\.json$/),
    logs: '2026-01-02T03:04:05.678Z info api request 01JABCDEFGHJKMNPQRSTVWXYZ0 GET /v1/calls 200 12.5 ms\n'.repeat(
      11_000,
    ),
    prose: 'The quick brown fox jumps over the lazy dog, and nobody knows why it does so again. '.repeat(
      12_000,
    ),
    base64: Buffer.from(
      Uint32Array.from({ length: 190_000 }, (_, at) => Math.imul(at, 2_654_435_761)).buffer,
    ).toString('base64'),
  };
}

/** One megabyte of what is installed, in order of name. */
function readTree(folder: string, name: RegExp): string {
  const root = join(modules, folder);
  const parts: string[] = [];
  let length = 0;
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!name.test(entry)) continue;
    const text = readFileSync(join(root, entry), 'utf8');
    parts.push(text);
    length += text.length;
    if (length > megabyte) break;
  }
  return parts.join('\n').slice(0, megabyte);
}

const hostile = [
  'password=',
  'eyJhbGciOiJIUzI1NiJ9.',
  'AKIA',
  'sk-ant-api03-',
  '://a:b',
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n',
  'ignore all previous ',
  '![a](https://e/?q=',
  '4111 1111 1111 1112 ',
  '%41',
  '\\u0041',
  '&#65;',
  '\u200b',
  'QUtJQVkz',
];

function repeat(unit: string, units: number): Uint8Array {
  return new TextEncoder().encode(unit.repeat(Math.ceil(units / unit.length)));
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await benchBoundary(), null, 2)}\n`);
