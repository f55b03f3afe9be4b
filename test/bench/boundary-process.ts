/**
 * Of B7: one filter in a process of its own, as `fork(…, ['sallyport' | 'secretlint'])` starts it, so that neither pays for
 * what the other leaves to be collected or has made of the engine's guesses. Answers to each message, in order.
 */
import { createBoundary } from '../../src/boundary/boundary.ts';
import { benchDetectors, benchStages } from './boundary-stages.ts';
import { benchTexts } from './boundary-texts.ts';

/** `measure` answers with CPU seconds of the process for that many texts one after the other. */
export type Ask =
  | { readonly do: 'measure'; readonly kind: string; readonly times: number }
  | { readonly do: 'hostile' }
  | { readonly do: 'stages' }
  | { readonly do: 'detectors' };

type Filter = (text: string, bytes: Uint8Array) => unknown;

const samples = 30;
const megabyte = 1_000_000;

function sallyport(): Filter {
  const boundary = createBoundary({
    redactionKey: new Uint8Array(32).fill(7),
    knownSecrets: [{ id: 'canary', secret: 'a canary that nobody has seen' }],
  });
  return (_text, stdout) =>
    boundary.filterOutput({ result: null, error: null, stdout, stderr: new Uint8Array(), artifacts: [] }, []);
}

async function secretlint(): Promise<Filter> {
  const peer: Readonly<Record<'core' | 'preset', string>> = {
    core: '@secretlint/core',
    preset: '@secretlint/secretlint-rule-preset-recommend',
  };
  const { lintSource } = (await import(peer.core)) as {
    readonly lintSource: (call: object) => Promise<unknown>;
  };
  const { creator } = (await import(peer.preset)) as { readonly creator: object };
  return (content) =>
    lintSource({
      source: { filePath: 'a.txt', content, contentType: 'text', ext: '.txt' },
      options: { config: { rules: [{ id: peer.preset, rule: creator }] } },
    });
}

const filter = process.argv[2] === 'secretlint' ? await secretlint() : sallyport();
const texts = new Map(
  Object.entries(benchTexts()).map(([kind, text]) => [kind, { text, bytes: Buffer.from(text) }] as const),
);

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.do) {
    case 'measure': {
      const { text, bytes } = texts.get(ask.kind) ?? fail(ask.kind);
      return cpuSeconds(async () => {
        for (let run = 0; run < ask.times; run++) await filter(text, bytes);
      });
    }
    case 'hostile':
      return benchHostile();
    case 'stages':
      return Object.fromEntries([...texts].map(([kind, { text }]) => [kind, benchStages(text)]));
    case 'detectors':
      return benchDetectors((bytes) => filter('', bytes));
  }
}

function fail(kind: string): never {
  throw new RangeError(`no such kind of text: ${kind}`);
}

/** Of each the megabyte's rate, and how many times the time of a tenth it takes. */
async function benchHostile(): Promise<Record<string, unknown>> {
  const rows: Record<string, unknown> = {};
  for (const unit of hostile) {
    const small = await best(() => filter('', repeat(unit, megabyte / 10)));
    const large = await best(() => filter('', repeat(unit, megabyte)));
    rows[JSON.stringify(unit)] = { MBPerSecond: round(1 / large), timesForTenfold: round(large / small) };
  }
  return rows;
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
  return Buffer.from(unit.repeat(Math.ceil(units / unit.length)));
}

async function best(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < samples; run++) least = Math.min(least, await cpuSeconds(work));
  return least;
}

async function cpuSeconds(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

process.on('message', (ask: Ask) => {
  void answer(ask).then((answered) => process.send?.(answered));
});
