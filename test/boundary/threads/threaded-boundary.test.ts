import { afterAll, describe, expect, test } from 'vitest';
import { createBoundary } from '../../../src/boundary/boundary.ts';
import { FilterThreadHost } from '../../../src/boundary/threads/filter-thread-host.ts';
import { ThreadedBoundary } from '../../../src/boundary/threads/threaded-boundary.ts';
import type { BoundaryProfile } from '../../../src/model/finding.ts';

const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');
const standard: BoundaryProfile = {
  name: 'standard',
  inbound: { detectors: {} },
  outbound: { detectors: {} },
  artifacts: 'any',
  taints: {},
  detectors: [],
  allow: { hosts: [], texts: [] },
  stream: 'buffered',
};
const strict: BoundaryProfile = { ...standard, inbound: { detectors: { '*': 'block' } } };
const options = { redactionKey: Buffer.alloc(32, 7), knownSecrets: [] };
const boundary = createBoundary(options);
const filter = new ThreadedBoundary({ boundary, current: () => options });
const failing = {
  boundary,
  current: () => options,
  heapMiBMax: 64,
  script: new URL('../../support/faulty-filter-thread.ts', import.meta.url),
};
const faulty = new ThreadedBoundary({ ...failing, jobMsFloor: 25_000 });
const hasty = new ThreadedBoundary({ ...failing, jobMsFloor: 1_000 });
afterAll(async () => {
  await filter[Symbol.asyncDispose]();
  await faulty[Symbol.asyncDispose]();
  await hasty[Symbol.asyncDispose]();
});

function wordsOf(sizeBytes: number): string {
  return 'a line of words\n'.repeat(Math.ceil(sizeBytes / 16));
}

function fileOf(text: string): { name: string; mediaType: string; data: Buffer } {
  return { name: 'notes.txt', mediaType: 'text/plain', data: Buffer.from(text) };
}

function printed(text: string) {
  const none = new Uint8Array();
  return { result: null, error: null, stdout: Buffer.from(text), stderr: none, artifacts: [] };
}

test('an input of one tenant waits for no more than one of another on its thread', async () => {
  await using thread = new FilterThreadHost({
    script: new URL('../../../src/boundary/threads/filter-thread.ts', import.meta.url),
    current: () => options,
    jobMsFloor: 25_000,
    heapMiBMax: 256,
  });
  const order: string[] = [];
  const check = async (tenant: string): Promise<void> => {
    const output = printed(wordsOf(20_000));
    await thread.run(tenant, { kind: 'filter-output', output, profiles: [standard] }, 20_000);
    order.push(tenant);
  };
  const flood = Array.from({ length: 40 }, () => check('flood'));
  await Promise.all([...flood, check('quiet')]);
  // One was under way, and one had its turn before.
  expect(order.indexOf('quiet')).toBe(2);
});

test('what comes out does not depend on the size, here or on a thread', async () => {
  for (const sizeBytes of [100, 40_000]) {
    const text = `${wordsOf(sizeBytes)}key = "${secret}"`;
    const output = {
      result: { rows: [text], fine: wordsOf(sizeBytes), n: 1.5 },
      error: { name: 'Error', message: text, stack: 'at somewhere' },
      stdout: Buffer.from(text),
      stderr: Buffer.from(wordsOf(sizeBytes)),
      artifacts: [fileOf(text), { ...fileOf(''), name: secret, data: Buffer.from([0, 1, 255]) }],
    };
    const { artifacts, ...filtered } = await filter.filterOutput(output, [standard]);
    const { artifacts: expected, ...here } = boundary.filterOutput(output, [standard]);
    expect(filtered).toEqual(here);
    const show = (shown: typeof artifacts) =>
      shown.map(({ data, ...rest }) => ({ ...rest, data: Buffer.from(data).toString('latin1') }));
    expect(show(artifacts)).toEqual(show(expected));
    expect(filtered.stdout).not.toContain(secret);
    const args = { code: text };
    expect(await filter.checkArguments(args, [strict])).toEqual(boundary.checkArguments(args, [strict]));
    expect(await filter.redactForRecord(args)).toEqual(boundary.redactForRecord(args));
    const clean = { code: wordsOf(sizeBytes) };
    expect((await filter.checkArguments(clean, [strict])).forRecord).toBe(clean);
    expect(await filter.redactForRecord(clean)).toBe(clean);
  }
});

test('files too', async () => {
  for (const sizeBytes of [100, 40_000]) {
    const clean = fileOf(wordsOf(sizeBytes));
    const out = await filter.filterFile(clean, [standard]);
    expect(out.report.verdict).toBe('clean');
    expect(Buffer.from(out.file?.data ?? []).equals(clean.data)).toBe(true);
    const found = await filter.filterFile(fileOf(`${wordsOf(sizeBytes)}key = "${secret}"`), [standard]);
    expect(found.report.verdict).toBe('redacted');
    expect(Buffer.from(found.file?.data ?? []).toString()).toMatch(/\n.*\[REDACTED:/);
    expect((await filter.filterFile(clean, [{ ...standard, artifacts: 'none' }])).file).toBeNull();
    expect(await filter.checkFile(clean, [strict])).toMatchObject({ blocked: false });
    expect(await filter.checkFile(fileOf(wordsOf(sizeBytes) + secret), [strict])).toMatchObject({
      blocked: true,
    });
  }
});

test('a large input does not keep this thread, however many come at once', async () => {
  const many = [1, 2, 3].map(() => filter.filterOutput(printed(wordsOf(4_000_000)), [standard]));
  const turn = new Promise((resolve) => setImmediate(() => resolve('the event loop turned')));
  expect(await Promise.race([...many, turn])).toBe('the event loop turned');
  expect((await Promise.all(many)).map(({ report }) => report.verdict)).toEqual(['clean', 'clean', 'clean']);
});

test('a filter that is made anew looks for what it then knows, on threads that already run', async () => {
  let current = options as Parameters<typeof createBoundary>[0];
  await using changing = new ThreadedBoundary({ boundary, current: () => current });
  const output = printed(`${wordsOf(40_000)}tomato-soup-with-basil`);
  expect((await changing.filterOutput(output, [standard])).report.verdict).toBe('clean');
  current = { ...options, knownSecrets: [{ id: 'soup', secret: 'tomato-soup-with-basil' }] };
  const { report, stdout } = await changing.filterOutput(output, [standard]);
  expect([report.verdict, stdout.includes('tomato')]).toEqual(['redacted', false]);
});

const failures = [
  ['please-throw', 'boundary-failure'],
  ['please-exit', 'boundary-crash'],
  ['please-grow', 'boundary-out-of-memory'],
  ['please-hang', 'boundary-timeout'],
] as const;

test.each(failures)(
  '%s: everything is withheld as %s, and the next input is filtered',
  async (fault, why) => {
    const text = wordsOf(40_000) + fault;
    const through = fault === 'please-hang' ? hasty : faulty;
    const finding = { detector: why, action: 'block', where: '', count: 1, confidence: 'high', via: [] };
    const blocked = { report: { verdict: 'blocked', findings: [finding], scanned: [] }, blocked: true };
    const empty = { result: null, error: null, stdout: '', stderr: '', artifacts: [] };
    const output = { ...printed(text), result: { text: wordsOf(40_000) } };
    expect(await through.filterOutput(output, [standard])).toEqual({ ...blocked, ...empty });
    expect((await faulty.filterOutput(printed(wordsOf(40_000)), [standard])).report.verdict).toBe('clean');
  },
);

test('each way in and out is closed to what was not filtered to its end', async () => {
  const text = `${wordsOf(40_000)}please-exit`;
  const forRecord = '[WITHHELD:boundary-crash]';
  expect(await faulty.checkArguments({ text }, [standard])).toMatchObject({ blocked: true, forRecord });
  expect(await faulty.redactForRecord({ text })).toBe(forRecord);
  expect(await faulty.checkFile(fileOf(text), [standard])).toMatchObject({ blocked: true });
  expect(await faulty.filterFile(fileOf(text), [standard])).toMatchObject({ file: null });
  const none = printed('');
  const doors = [
    { ...none, result: text },
    { ...none, error: { name: 'Error', message: text } },
    { ...none, stderr: Buffer.from(text) },
    { ...none, artifacts: [fileOf(text)] },
  ];
  for (const output of doors)
    expect(await faulty.filterOutput(output, [standard])).toMatchObject({ blocked: true, artifacts: [] });
});

test('what waits behind an input that fails is filtered all the same', async () => {
  const inputs = Array.from({ length: 12 }, (_, at) => wordsOf(40_000) + (at % 3 === 0 ? 'please-exit' : ''));
  const verdicts = await Promise.all(
    inputs.map(async (text) => (await faulty.filterOutput(printed(text), [standard])).report.verdict),
  );
  expect(verdicts).toEqual(inputs.map((_, at) => (at % 3 === 0 ? 'blocked' : 'clean')));
});

describe('a stream of a call that still runs', () => {
  /** What left, piece by piece, and how it ended. */
  async function streamed(through: ThreadedBoundary, pieces: readonly string[]) {
    const left: string[] = [];
    const released = Promise.withResolvers<void>();
    const stream = through.filterStream('stdout', [standard], ({ text, blocked }) => {
      left.push(text);
      if (blocked) released.resolve();
    });
    for (const piece of pieces) stream.push(Buffer.from(piece));
    return { left, released: released.promise, end: await stream.end() };
  }

  test('comes out as it does here, whatever pieces it comes in', async () => {
    const text = `${wordsOf(3_000)}key = "${secret}"\n${wordsOf(3_000)}no line feed at the end`;
    const here = boundary.filterStream('stdout', [standard]);
    const expected = here.push(Buffer.from(text)) + here.end().text;
    for (const units of [7, 1_000, 10_000]) {
      const pieces = text.match(new RegExp(`[^]{1,${units}}`, 'g')) ?? [];
      const { left, end } = await streamed(filter, pieces);
      expect(left.join('') + end.text).toBe(expected);
      expect([end.report.verdict, end.blocked]).toEqual(['redacted', false]);
    }
  });

  test('lets nothing out any more once its filter dies, and says why', async () => {
    const { left, released, end } = await streamed(faulty, ['a line\n', 'please-exit\n', 'another\n']);
    await released;
    expect(left.join('')).not.toContain('another');
    expect(end).toMatchObject({ text: '', blocked: true, report: { verdict: 'blocked' } });
    expect(end.report.findings).toMatchObject([{ detector: 'boundary-crash' }]);
  });

  test('ends with the filter of another call on its thread; the next one does not', async () => {
    await using one = new ThreadedBoundary({
      boundary,
      current: () => options,
      script: new URL('../../support/faulty-filter-thread.ts', import.meta.url),
    });
    const streams = Array.from({ length: 8 }, () => one.filterStream('stdout', [standard], () => {}));
    const many = Array.from({ length: 8 }, () =>
      one.filterOutput(printed(`${wordsOf(40_000)}please-exit`), []),
    );
    await Promise.all(many);
    const ends = await Promise.all(streams.map((stream) => stream.end()));
    expect(ends.some(({ blocked }) => blocked)).toBe(true);
    const { left, end } = await streamed(one, ['a line\n']);
    expect([left.join('') + end.text, end.blocked]).toEqual(['a line\n', false]);
  });
});
