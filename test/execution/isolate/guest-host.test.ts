/** The host's side of the boundary by itself, for a guest that got hold of the callback: any operation, any values. */
import { anything, assert, constantFrom, array, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guestErrorOf } from '../../../src/execution/isolate/worker/guest-error.ts';
import { GuestHost } from '../../../src/execution/isolate/worker/guest-host.ts';
import type { RunMessage } from '../../../src/execution/isolate/worker/messages.ts';
import { timersMax } from '../../../src/execution/isolate/worker/timer-queue.ts';

const limits: RunMessage = {
  memoryMiB: 32,
  outputBytes: 100,
  logBytes: 100,
  hostCalls: 50,
  webAssembly: false,
};

function createHost(narrowed: Partial<RunMessage> = {}): { host: GuestHost; logs: string[] } {
  const logs: string[] = [];
  const host = new GuestHost({
    limits: { ...limits, ...narrowed },
    input: '{"a":1}',
    sources: new Map([['part', '() => 1']]),
    writeLog: (stream, data) => logs.push(`${stream} ${data.toString()}`),
  });
  return { host, logs };
}

const operations = [
  'input',
  'returned',
  'threw',
  'oversized',
  'resultLengthMax',
  'source',
  'stdout',
  'stderr',
  'timer',
  'clearTimer',
  'dueTimer',
  'now',
  'random',
  'url',
  'call',
  'constructor',
  '__proto__',
];

test('any operation with any values answers with a string, a number or nothing, and never throws', () => {
  const calls = array(oneof(constantFrom(...operations), anything()), { maxLength: 20 });
  assert(
    property(
      calls,
      array(oneof(anything({ withNullPrototype: true }), string()), { maxLength: 5 }),
      (asked, values) => {
        const { host, logs } = createHost();
        for (const operation of asked)
          expect(['string', 'number', 'undefined']).toContain(typeof host.call(operation, values));
        expect(logs.join('').length).toBeLessThan(100 + 20 * 'stdout '.length);
        expect(host.result?.length ?? 0).toBeLessThanOrEqual(limits.outputBytes);
      },
    ),
  );
});

describe('outcomes', () => {
  test('the first one stands', () => {
    const { host } = createHost();
    host.call('threw', ['First', 'one', '']);
    host.call('returned', ['1']);
    host.call('oversized', []);
    host.call('threw', ['Second', 'two', '']);
    expect(host.outcome).toEqual({ kind: 'threw', error: { name: 'First', message: 'one' } });
    expect(host.result).toBe(null);
  });

  test('a second result changes nothing', () => {
    const { host } = createHost();
    host.call('returned', ['1']);
    host.call('returned', ['2']);
    expect(host.result?.toString()).toBe('1');
  });

  test.each([[{ toString: () => '1' }], [1], [undefined], [['1']], [Buffer.from('1')]])(
    'a result that is no string is none: %s',
    (value) => {
      const { host } = createHost();
      expect(host.call('returned', [value])).toBe(undefined);
      expect(host.outcome).toBe(null);
    },
  );

  test('a result is counted in bytes', () => {
    const { host } = createHost({ outputBytes: 8 });
    host.call('returned', ['"€€"']);
    expect(host.outcome).toEqual({ kind: 'returned' });
    const { host: other } = createHost({ outputBytes: 7 });
    other.call('returned', ['"€€"']);
    expect(other.outcome).toEqual({ kind: 'output_limit' });
    expect(other.result).toBe(null);
  });
});

describe('logs', () => {
  test('are cut between characters, counted in bytes, and nothing follows a cut', () => {
    const { host, logs } = createHost({ logBytes: 8 });
    host.call('stdout', ['a']);
    host.call('stderr', ['€€€']);
    host.call('stdout', ['b']);
    expect(logs).toEqual(['stdout a', 'stderr €€']);
    expect(host.dropped).toEqual({ stdout: 1, stderr: 3 });
  });

  test('of a text that is longer than is looked at, the rest is counted in bytes', () => {
    const { host, logs } = createHost({ logBytes: 8 * 1024 * 1024 });
    host.call('stdout', ['€'.repeat(1024 * 1024 + 10)]);
    host.call('stdout', ['after']);
    expect(logs).toHaveLength(1);
    expect(logs[0]?.length).toBe('stdout '.length + 1024 * 1024);
    expect(host.dropped.stdout).toBe(35);
  });

  test('that are no text are empty', () => {
    const { host, logs } = createHost();
    host.call('stdout', [{ toString: () => 'x' }]);
    host.call('stdout', [new String('x')]);
    expect(logs).toEqual([]);
  });
});

describe('budgets', () => {
  test('every host call is paid for, those that ask for nothing known too', () => {
    const { host, logs } = createHost({ hostCalls: 3 });
    host.call('nothing known', []);
    host.call('clearTimer', ['x']);
    expect(host.call('now', [])).toBeTypeOf('number');
    expect(host.call('stdout', ['x'])).toBe(undefined);
    expect(host.call('url', ['https://a.example', '', '', ''])).toBe(undefined);
    expect(logs).toEqual([]);
  });

  test('what every call needs is free', () => {
    const { host } = createHost({ hostCalls: 0 });
    expect(host.call('input', [])).toBe('{"a":1}');
    expect(host.call('source', ['part'])).toBe('() => 1');
    expect(host.call('source', ['__proto__'])).toBe(undefined);
    expect(host.call('resultLengthMax', [])).toBe(100);
  });

  test.each([[-1], [65_537], [Infinity], [NaN], [['4']]])(
    'random bytes: %s is no count that is served',
    (count) => {
      const answer = createHost().host.call('random', [count]);
      expect(answer === undefined || answer === '').toBe(true);
    },
  );

  test('timers wait up to a number, with delays that are numbers', () => {
    const { host } = createHost({ hostCalls: timersMax + 10 });
    for (let n = 0; n < timersMax; n += 1) expect(host.call('timer', [{}, 'x'])).toBe(n + 1);
    expect(host.call('timer', [1, 0])).toBe(undefined);
    host.call('clearTimer', [1]);
    expect(host.call('timer', [Infinity, 1])).toBe(timersMax + 1);
  });

  test.each([Infinity, 1e12, NaN, -5])('a delay of %s is the shortest, as in Node', (delay) => {
    const { host } = createHost();
    host.call('timer', [delay, 0]);
    host.call('timer', [500, 0]);
    host.timers.waitForNext();
    expect(host.call('dueTimer', [])).toBe(1);
  });

  test('which timer is due is told once', () => {
    const { host } = createHost();
    const id = host.call('timer', [1, 0]);
    expect(host.call('dueTimer', [])).toBe(undefined);
    expect(host.timers.waitForNext()).toBe(true);
    expect(host.call('dueTimer', [])).toBe(id);
    expect(host.call('dueTimer', [])).toBe(undefined);
    expect(host.timers.waitForNext()).toBe(false);
  });

  test('of addresses, only parts that can be set are set, and long ones are refused', () => {
    const { host } = createHost();
    const partsOf = (...values: string[]): unknown => JSON.parse(String(host.call('url', values)));
    expect(partsOf('https://a.example', '', '__proto__', 'x')).toMatchObject({ href: 'https://a.example/' });
    expect(partsOf('https://a.example', '', 'origin', 'https://b.example')).toMatchObject({
      origin: 'https://a.example',
    });
    expect(partsOf(`https://a.example/${'x'.repeat(65_536)}`)).toBe(null);
  });
});

describe('errors', () => {
  test('are three texts that fit one frame, however they are escaped', () => {
    const text = '\ud800\u0000'.repeat(10_000);
    const error = guestErrorOf(text, text, text);
    expect(error.name.length).toBe(128);
    expect(error.message.length).toBe(4096);
    expect(error.stack?.length).toBe(4096);
    expect(JSON.stringify(error).length).toBeLessThan(64 * 1024);
    expect(error.name.isWellFormed() && error.message.isWellFormed() && error.stack?.isWellFormed()).toBe(
      true,
    );
  });

  test('have no frames of the platform, and nothing of what lies beyond the boundary', () => {
    const stack = [
      'Error: x',
      '    at own (tool.js:1:1)',
      '    at start (sallyport:guest:1:1)',
      '    at file:///srv/worker.ts:1:1',
      '    at node:internal/x:1:1',
      '    at stringify (<anonymous>)',
      '    at mine (tool.js:2:2)',
      '    at (<isolated-vm boundary>)',
      '    at beyond (tool.js:3:3)',
    ].join('\n');
    expect(guestErrorOf('Error', 'x', stack).stack).toBe(
      'Error: x\n    at own (tool.js:1:1)\n    at mine (tool.js:2:2)',
    );
  });

  test('keep lines that only speak of such frames', () => {
    expect(guestErrorOf('Error', 'x', 'Error: see file:///a\n    at own (tool.js:1:1)').stack).toBe(
      'Error: see file:///a\n    at own (tool.js:1:1)',
    );
  });
});
