/**
 * What every `SandboxExecutor` must do, whatever it runs code in. Each kind brings its own snippets; the suite
 * knows nothing of languages.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NotStarted } from '../../src/execution/executor.ts';
import type { ExecutionFrame, SandboxExecutor, SandboxProfile } from '../../src/execution/executor.ts';
import type { Limits } from '../../src/model/limits.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { collectRun } from '../support/collect-run.ts';
import type { CollectedRun, RunOptions } from '../support/collect-run.ts';

/** Source texts of one tool each. The input is the JSON object of the call's arguments. */
export interface ContractSnippets {
  /** `{a, b}` → `{sum}`. */
  readonly sum: string;
  /** Returns its input as it is. */
  readonly echo: string;
  /** `to stdout` to stdout and `to stderr` to stderr, each as a line; returns null. */
  readonly print: string;
  /** Throws or raises with the message `boom`. */
  readonly fail: string;
  /** Never ends and never gives way. */
  readonly loop: string;
  /** Prints `{bytes}` bytes or more to stdout, then returns `"done"`. */
  readonly printMuch: string;
  /** Returns a string of `{bytes}` characters. */
  readonly returnMuch: string;
  /** Takes memory without end. */
  readonly takeMemory: string;
  /** Returns whether an earlier call left its mark, then leaves one wherever it can. */
  readonly leaveMark: string;
  /** Prints `running` to stdout at once, then never ends. */
  readonly printAndLoop: string;
}

export interface ContractSubject {
  readonly name: string;
  readonly create: () => Promise<SandboxExecutor>;
  readonly snippets: ContractSnippets;
  /** A profile that runs the snippet; limits as the suite gives them. */
  readonly profile: (source: string, limits: Limits) => SandboxProfile;
  readonly limits: Limits;
  /** What the kind may take beyond a deadline until its exit is reported, milliseconds. */
  readonly graceMs: number;
}

export function describeSandboxExecutor(subject: ContractSubject): void {
  describe(`the contract of sandbox executors, ${subject.name}`, () => {
    const { snippets } = subject;
    let executor: SandboxExecutor;

    beforeAll(async () => {
      executor = await subject.create();
    });
    afterAll(async () => {
      await executor[Symbol.asyncDispose]();
    });

    function run(
      source: string,
      input: JsonObject,
      limits: Partial<Limits> = {},
      options: Partial<RunOptions> = {},
    ): Promise<CollectedRun> {
      const narrowed = { ...subject.limits, ...limits };
      const profile = subject.profile(source, narrowed);
      return collectRun(executor, { profile, args: input, limits: narrowed, ...options });
    }

    test('a value comes back as JSON', async () => {
      const { exit, result } = await run(snippets.sum, { a: 1, b: 2 });
      expect(exit).toEqual({ type: 'exit', reason: 'completed', error: null });
      expect(JSON.parse(result)).toEqual({ sum: 3 });
    });

    test('the order is started, data, usage, exit', async () => {
      const { frames } = await run(snippets.print, {});
      const types = frames.map((frame) => frame.type);
      expect(types.at(0)).toBe('started');
      expect(types.slice(-2)).toEqual(['usage', 'exit']);
      const dataTypes = new Set(types.slice(1, -2));
      expect(
        [...dataTypes].filter((type) => !['stdout', 'stderr', 'result', 'artifact'].includes(type)),
      ).toEqual([]);
    });

    test('stdout and stderr come apart from each other and from the result', async () => {
      const { result, stderr, stdout } = await run(snippets.print, {});
      expect(stdout).toBe('to stdout\n');
      expect(stderr).toBe('to stderr\n');
      expect(JSON.parse(result)).toBe(null);
    });

    test('every kind of JSON value goes in and comes out unharmed', async () => {
      const input = {
        text: 'ä€😀 \u0000 "\\ </script>',
        list: [null, true, -1.5e-7, 'x'],
        deep: { a: { b: [[]] } },
      };
      const { result } = await run(snippets.echo, input);
      expect(JSON.parse(result)).toEqual(input);
    });

    test('arguments larger than a frame arrive whole', async () => {
      const input = { text: 'ä'.repeat(100_000) };
      const { result } = await run(snippets.echo, input, { outputBytes: 1_000_000 });
      expect(JSON.parse(result)).toEqual(input);
    });

    test('what the code throws is reported as thrown', async () => {
      const { exit } = await run(snippets.fail, {});
      expect(exit.reason).toBe('threw');
      expect(exit.error?.message).toContain('boom');
    });

    test('an endless loop ends at its deadline', async () => {
      const { exit, usage } = await run(snippets.loop, {}, { timeoutMs: 300 });
      expect(exit).toEqual({ type: 'exit', reason: 'timed_out', error: null });
      expect(usage.wallMs).toBeGreaterThanOrEqual(300);
      expect(usage.wallMs).toBeLessThan(300 + subject.graceMs);
    });

    test('a result over its cap is an output limit', async () => {
      const { exit } = await run(snippets.returnMuch, { bytes: 50_000 }, { outputBytes: 10_000 });
      expect(exit).toEqual({ type: 'exit', reason: 'output_limit', error: null });
    });

    test('no more of a result than the cap is ever handed on', async () => {
      const { result } = await run(snippets.returnMuch, { bytes: 500_000 }, { outputBytes: 100_000 });
      expect(result.length).toBeLessThanOrEqual(100_000);
    });

    test('logs over their cap are cut, marked, and the call goes on', async () => {
      const { exit, result, stderr, stdout, usage } = await run(
        snippets.printMuch,
        { bytes: 200_000 },
        { logBytes: 5000 },
      );
      expect(exit.reason).toBe('completed');
      expect(JSON.parse(result)).toBe('done');
      expect(Buffer.byteLength(stdout) + Buffer.byteLength(stderr)).toBeLessThanOrEqual(5000);
      const cut = usage.truncated.find((truncation) => truncation.stream === 'stdout');
      expect(cut?.keptBytes).toBe(Buffer.byteLength(stdout));
      expect(cut?.droppedBytes).toBeGreaterThanOrEqual(195_000);
    });

    test('nothing is marked as cut when nothing was', async () => {
      const { usage } = await run(snippets.print, {});
      expect(usage.truncated).toEqual([]);
    });

    test('taking memory without end is out of memory', async () => {
      const { exit } = await run(snippets.takeMemory, {}, { timeoutMs: 20_000 });
      expect(exit).toEqual({ type: 'exit', reason: 'out_of_memory', error: null });
    });

    test('usage is counted', async () => {
      const { result, usage } = await run(snippets.sum, { a: 1, b: 2 });
      expect(usage.outputBytes).toBe(Buffer.byteLength(result));
      const printed = await run(snippets.print, {});
      expect(printed.usage.outputBytes).toBe('to stdout\nto stderr\nnull'.length);
      const much = await run(snippets.printMuch, { bytes: 200_000 }, { logBytes: 5000 });
      expect(much.usage.outputBytes).toBe(5000 + '"done"'.length);
      expect(usage.wallMs).toBeGreaterThan(0);
      expect(usage.cpuMs).toBeGreaterThanOrEqual(0);
      expect(usage.memoryPeakBytes).toBeGreaterThanOrEqual(0);
    });

    test('a call finds nothing that an earlier call of the same principal left', async () => {
      const first = await run(snippets.leaveMark, {});
      const second = await run(snippets.leaveMark, {});
      expect([first.result, second.result].map((result) => JSON.parse(result) as unknown)).toEqual([
        false,
        false,
      ]);
    });

    test('cancelling ends a running call', async () => {
      const abort = new AbortController();
      const cancelled = await run(
        snippets.printAndLoop,
        {},
        { timeoutMs: 20_000 },
        { signal: abort.signal, onFrame: (frame) => frame.type === 'stdout' && abort.abort() },
      );
      expect(cancelled.exit).toEqual({ type: 'exit', reason: 'cancelled', error: null });
    });

    test('a call that is cancelled before it starts runs nothing', async () => {
      await expect(run(snippets.print, {}, {}, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
        NotStarted,
      );
    });

    test('a reader that leaves early takes the call with it, and the next call is served', async () => {
      const frames = subject.profile(snippets.printAndLoop, subject.limits);
      await collectRun(executor, {
        profile: frames,
        args: {},
        limits: { ...subject.limits, timeoutMs: 20_000 },
        leaveAt: (frame: ExecutionFrame) => frame.type === 'stdout',
      });
      const { exit } = await run(snippets.sum, { a: 1, b: 2 });
      expect(exit.reason).toBe('completed');
    });

    test('calls at the same time keep apart', async () => {
      const inputs = Array.from({ length: 8 }, (_, a) => ({ a, b: 100 }));
      const runs = await Promise.all(inputs.map((input) => run(snippets.sum, input)));
      const sums = runs.map(({ result }) => (JSON.parse(result) as { sum: number }).sum);
      expect(sums).toEqual([100, 101, 102, 103, 104, 105, 106, 107]);
    });

    test('a bad neighbour does no harm to the call beside it', async () => {
      const [bad, good] = await Promise.all([
        run(snippets.loop, {}, { timeoutMs: 500 }, { tenant: 'bad' }),
        run(snippets.sum, { a: 2, b: 2 }, {}, { tenant: 'good' }),
      ]);
      expect(bad.exit.reason).toBe('timed_out');
      expect(JSON.parse(good.result)).toEqual({ sum: 4 });
    });

    test('health is ok and names the confinement that runs report', async () => {
      const health = await executor.health();
      const { frames } = await run(snippets.sum, { a: 1, b: 2 });
      const [started] = frames;
      expect(health).toMatchObject({ state: 'ok', reason: null });
      expect(started?.type === 'started' && started.runtime.confinement).toBe(health.confinement);
    });
  });
}

/** The end of an executor, apart from the rest because it ends it. */
export function describeSandboxExecutorEnd(subject: ContractSubject): void {
  describe(`the end of a sandbox executor, ${subject.name}`, () => {
    test('disposing ends running calls, and serves no more', async () => {
      const executor = await subject.create();
      const limits = { ...subject.limits, timeoutMs: 20_000 };
      const profile = subject.profile(subject.snippets.printAndLoop, limits);
      const disposals: PromiseLike<void>[] = [];
      const { exit } = await collectRun(executor, {
        profile,
        args: {},
        limits,
        onFrame: (frame) => frame.type === 'stdout' && disposals.push(executor[Symbol.asyncDispose]()),
      });
      await Promise.all(disposals);
      expect(['cancelled', 'crashed']).toContain(exit.reason);
      await expect(collectRun(executor, { profile, args: {}, limits })).rejects.toBeInstanceOf(NotStarted);
    });
  });
}
