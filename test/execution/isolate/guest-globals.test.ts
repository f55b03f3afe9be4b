/** The globals that tool code expects, held against Node's own. */
import { format } from 'node:util';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import type { JsonValue } from '../../../src/model/json.ts';
import { createExecutor, runCode } from './support.ts';

let executor: SandboxExecutor;
beforeAll(async () => {
  executor = await createExecutor();
});
afterAll(async () => {
  await executor[Symbol.asyncDispose]();
});

async function evaluate(code: string, input: JsonValue = null): Promise<unknown> {
  const { exit, result } = await runCode(executor, code, input, {
    outputBytes: 1_000_000,
    hostCalls: 100_000,
  });
  expect(exit).toEqual({ type: 'exit', reason: 'completed', error: null });
  return JSON.parse(result);
}

describe('console', () => {
  test('log, info and debug go to stdout, warn and error to stderr', async () => {
    const code = `console.log('log'); console.info('info'); console.debug('debug'); console.warn('warn'); console.error('error');`;
    const { stderr, stdout } = await runCode(executor, code);
    expect(stdout).toBe('log\ninfo\ndebug\n');
    expect(stderr).toBe('warn\nerror\n');
  });

  test.each([
    ["'text', 1, true, null, undefined", 'text 1 true null undefined'],
    ["{ a: 1, 'b-c': 'it', d: [1, 'two'] }", "{ a: 1, 'b-c': 'it', d: [ 1, 'two' ] }"],
    ['[]', '[]'],
    ['{}', '{}'],
    ['new Map([[1, { a: 2 }]]), new Set([1])', 'Map(1) { 1 => { a: 2 } } Set(1) { 1 }'],
    ['new Date(0)', '1970-01-01T00:00:00.000Z'],
    ['/a/g, 10n, -0, Symbol("s")', '/a/g 10n -0 Symbol(s)'],
    ['class A {}, function b() {}, () => 1', '[class A] [Function: b] [Function (anonymous)]'],
    ['new (class Point { x = 1 })()', 'Point { x: 1 }'],
    ['new Uint8Array([1, 2])', 'Uint8Array(2) [ 1, 2 ]'],
    ["'%s is %d, %j%%', 'x', '4', { a: 1 }, 'rest'", 'x is 4, {"a":1}% rest'],
    ['{ get a() { return 1; } }', '{ a: [Getter] }'],
    ['Object.assign(Object.create(null), { a: 1 })', '[Object: null prototype] { a: 1 }'],
  ])('console.log(%s) reads %s', async (values, expected) => {
    const { stdout } = await runCode(executor, `console.log(${values});`);
    expect(stdout).toBe(`${expected}\n`);
  });

  /** Expressions that read alike in Node, which says them here, and in an isolate. */
  test.each([
    "[1, , , 'x'], [,]",
    'Object.assign([1], { named: true })',
    "{ [Symbol('s')]: 1, set a(v) {}, get b() { return 1; }, set b(v) {} }",
    "[\"it's\", 'say \"hi\"', `both ' and \"`, 'line\\nbreak\\u001b']",
    'class A {}, class B extends Array {}, async () => {}, async function f() {}, function* g() {}',
    'new (class Box extends Map {})([[1, 2]]), new (class extends Set {})()',
    'new (class List extends Array {})(1, 2, 3)',
    "Object(1), Object('s'), Object(true)",
    'new WeakMap(), new WeakSet()',
    '[undefined, null, NaN, -0, 10n, Symbol.iterator]',
    '{ a: { b: { c: {} } } }',
    "new Map([[{ k: 1 }, new Set(['v'])]])",
    "({ [Symbol.toStringTag]: 'tag' })",
    'Array.from({ length: 3 }, (_, at) => ({ id: at, name: `a name that is long enough to break the line ${at}` }))',
    "'%s|%d|%i|%f|%o|%%|%c|%x', 'a', '12.5', 12.5, '1.5', 1, 'css', 'rest'",
    "'%s %s', null, undefined, { a: 1 }",
    "'100%', 1",
    "'%d %i', 10n, 'x', {}",
    'new URLSearchParams({ a: "1", b: "x y" })',
    'new Error("only a message", { cause: undefined }).message',
  ])('console.log(%s) reads as in Node', async (values) => {
    const { stdout } = await runCode(executor, `console.log(${values});`);
    const here = { URLSearchParams, show: (...all: unknown[]) => format(...all) };
    expect(stdout).toBe(`${runInNewContext(`show(${values})`, here) as string}\n`);
  });

  test('what has a lot of items or text is shown in part, and says so', async () => {
    const { stdout } = await runCode(
      executor,
      `console.log(new Array(1000).fill('x'.repeat(50))); console.log(['y'.repeat(10_001)]);`,
    );
    expect(stdout.includes('... 900 more items\n]')).toBe(true);
    expect(stdout.slice(-34)).toBe("yyyyyyyyyy'... 1 more character\n]\n");
  });

  test('a URL is shown with its parts, an error with its cause and fields', async () => {
    const { stdout } = await runCode(
      executor,
      `console.log(new URL('https://a.example/b?c=1'));
       const error = new RangeError('outer', { cause: new TypeError('inner') }); error.code = 'E_CODE'; console.log({ error });`,
    );
    expect(stdout).toContain("URL {\n  href: 'https://a.example/b?c=1',\n");
    expect(stdout).toContain("  searchParams: URLSearchParams { 'c' => '1' }");
    expect(stdout).toMatch(
      /error: RangeError: outer\n {6}at default .* \{\n {4}code: 'E_CODE',\n {4}\[cause\]: TypeError: inner\n/,
    );
  });

  test('table draws rows and columns as Node does', async () => {
    const { stdout } = await runCode(
      executor,
      `console.table([{ a: 1, b: 'x' }, { a: 2, c: true }, 7]); console.table([[1, 2]], ['1']); console.table(new Map([['k', 1]])); console.table('text');`,
    );
    const rows = [
      '┌─────────┬───┬─────┬──────┬────────┐',
      '│ (index) │ a │ b   │ c    │ Values │',
      '├─────────┼───┼─────┼──────┼────────┤',
      "│ 0       │ 1 │ 'x' │      │        │",
      '│ 1       │ 2 │     │ true │        │',
      '│ 2       │   │     │      │ 7      │',
      '└─────────┴───┴─────┴──────┴────────┘',
      '┌─────────┬───┐',
      '│ (index) │ 1 │',
      '├─────────┼───┤',
      '│ 0       │ 2 │',
      '└─────────┴───┘',
      '┌───────────────────┬─────┬────────┐',
      '│ (iteration index) │ Key │ Values │',
      '├───────────────────┼─────┼────────┤',
      "│ 0                 │ 'k' │ 1      │",
      '└───────────────────┴─────┴────────┘',
      'text',
      '',
    ];
    expect(stdout).toBe(rows.join('\n'));
  });

  test('count, group, assert, trace and time do what they do in Node', async () => {
    const { stderr, stdout } = await runCode(
      executor,
      `console.count(); console.count('a'); console.count(); console.countReset(); console.count();
       console.group('outer'); console.log('in\\nside'); console.group(); console.log(1); console.groupEnd(); console.groupEnd(); console.log('out');
       console.assert(true, 'no'); console.assert(false); console.assert(false, 'x %s', 1); console.assert(false, { a: 1 });
       (function here() { console.trace('at %d', 5); })();
       console.time(); console.timeLog('default', 'x'); console.timeEnd(); console.timeEnd();`,
    );
    const lines = stdout.split('\n');
    expect(lines.slice(0, 9)).toEqual([
      'default: 1',
      'a: 1',
      'default: 2',
      'default: 1',
      'outer',
      '  in',
      '  side',
      '    1',
      'out',
    ]);
    expect(lines[9]).toMatch(/^default: \d+\.\d{3}ms x$/);
    expect(lines[10]).toMatch(/^default: \d+\.\d{3}ms$/);
    expect(stderr.split('\n')).toEqual([
      'Assertion failed',
      'Assertion failed: x 1',
      'Assertion failed { a: 1 }',
      'Trace: at 5',
      '    at here (tool.js:4:35)',
      '    at default (tool.js:4:56)',
      "No such label 'default' for console.timeLog()",
      '',
    ]);
  });

  test('cycles and depth are bounded', async () => {
    const { stdout } = await runCode(
      executor,
      `const a = { n: 1 }; a.a = a; console.log(a, [[[[[[[1]]]]]]]);`,
    );
    expect(stdout).toBe('{ n: 1, a: [Circular] } [ [ [ [ [ [Array] ] ] ] ] ]\n');
  });

  test('an error is shown with its stack', async () => {
    const { stderr } = await runCode(executor, `console.error(new TypeError('bad'));`);
    expect(stderr).toContain('TypeError: bad\n    at default (tool.js:1:15)');
  });

  test('plain arguments read as in Node', async () => {
    const scalars = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(fc.array(scalars, { minLength: 1, maxLength: 5 }), async (values) => {
        const { stdout } = await runCode(executor, 'console.log(...input)', values);
        expect(stdout).toBe(`${format(...values).toWellFormed()}\n`);
      }),
      { numRuns: 40 },
    );
  });
});

describe('text', () => {
  const texts = fc.array(fc.string({ unit: 'binary' }), { maxLength: 20 });

  test('TextEncoder writes the bytes that Node writes', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (input) => {
        const encoded = await evaluate(
          'const e = new TextEncoder(); return input.map((t) => [...e.encode(t)])',
          input,
        );
        expect(encoded).toEqual(input.map((text) => [...new TextEncoder().encode(text)]));
      }),
      { numRuns: 25 },
    );
  });

  test('TextDecoder reads any bytes as Node does', async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        const lists = input.map((list) => [...list]);
        const decoded = await evaluate(
          'return input.map((b) => new TextDecoder().decode(new Uint8Array(b)))',
          lists,
        );
        expect(decoded).toEqual(input.map((list) => new TextDecoder().decode(list)));
      }),
      { numRuns: 40 },
    );
  });

  test.each(['ff', 'e282', 'eda080', 'f0808080', 'c0af', 'f4908080', 'efbbbf61', 'e2ff82ac', 'f09f98'])(
    'TextDecoder reads the malformed bytes %s as Node does',
    async (hex) => {
      const bytes = [...Buffer.from(hex, 'hex')];
      const code = `const view = new Uint8Array(input);
        let fatal; try { fatal = new TextDecoder('utf8', { fatal: true }).decode(view); } catch (error) { fatal = error.name; }
        return [new TextDecoder().decode(view), fatal]`;
      let fatal: string;
      try {
        fatal = new TextDecoder('utf8', { fatal: true }).decode(Buffer.from(hex, 'hex'));
      } catch {
        fatal = 'TypeError';
      }
      expect(await evaluate(code, bytes)).toEqual([new TextDecoder().decode(Buffer.from(hex, 'hex')), fatal]);
    },
  );

  test.each(['utf-16le', 'utf-16', 'latin1', 'windows-1252', ' UTF8 '])(
    'TextDecoder reads any bytes of %j as Node does, in one piece or two',
    async (label) => {
      const code = `return input.bytes.map((b) => { const d = new TextDecoder(input.label), all = new Uint8Array(b), half = all.length >> 1;
        let fatal; try { fatal = new TextDecoder(input.label, { fatal: true }).decode(all); } catch (error) { fatal = error.name; }
        return [d.encoding, d.decode(all), d.decode(all.subarray(0, half), { stream: true }) + d.decode(all.subarray(half)), fatal]; })`;
      const here = (bytes: Uint8Array): unknown[] => {
        const whole = new TextDecoder(label).decode(bytes);
        let fatal: string;
        try {
          fatal = new TextDecoder(label, { fatal: true }).decode(bytes);
        } catch {
          fatal = 'TypeError';
        }
        return [new TextDecoder(label).encoding, whole, whole, fatal];
      };
      const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xd8, 0xdc, 0xff, 0xfe, 0x00, 0x80));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(byte, { maxLength: 10 }), { maxLength: 30 }), async (bytes) => {
          expect(await evaluate(code, { label, bytes })).toEqual(
            bytes.map((list) => here(Uint8Array.from(list))),
          );
        }),
        { numRuns: 25 },
      );
    },
  );

  test('an encoding that is not there is refused by name', async () => {
    const code = `try { new TextDecoder('shift_jis'); } catch (error) { return [error.name, error.message]; }`;
    expect(await evaluate(code)).toEqual([
      'RangeError',
      'the encoding shift_jis is not available; these are: utf-8, utf-16le, windows-1252',
    ]);
  });

  test('TextDecoder keeps a half character for the next chunk of a stream', async () => {
    const code = `const d = new TextDecoder();
      return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac]), { stream: true }) + d.decode()`;
    expect(await evaluate(code)).toBe('€');
  });

  test('atob and btoa agree with Node, refusals included', async () => {
    const code = `const attempt = (f, t) => { try { return f(t); } catch (error) { return error.name; } };
      return input.map((t) => [attempt(btoa, t), attempt(atob, t)])`;
    const attempt = (convert: (text: string) => string, text: string): string => {
      try {
        return convert(text);
      } catch {
        return 'InvalidCharacterError';
      }
    };
    const base64ish = fc.string({ unit: fc.constantFrom(...'AZaz09+/= \n-€é'), maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(fc.array(base64ish, { maxLength: 50 }), async (input) => {
        expect(await evaluate(code, input)).toEqual(
          input.map((text) => [attempt(btoa, text), attempt(atob, text)]),
        );
      }),
      { numRuns: 40 },
    );
  });
});

describe('URL', () => {
  test('parts and setters are those of Node', async () => {
    const code = `const url = new URL('../c?x=1#h', 'https://u:p@Example.com:8443/a/b/');
      url.searchParams.append('q', 'ä b&c');
      url.port = ''; url.hash = 'z'; url.protocol = 'http'; url.pathname = '/new path';
      return [url, url.href, url.origin, url.host, url.username, url.search, [...url.searchParams], String(url)]`;
    const url = new URL('../c?x=1#h', 'https://u:p@Example.com:8443/a/b/');
    url.searchParams.append('q', 'ä b&c');
    url.port = '';
    url.hash = 'z';
    url.protocol = 'http';
    url.pathname = '/new path';
    const { host, href, origin, search, username } = url;
    const expected = [url.toJSON(), href, origin, host, username, search, [...url.searchParams], String(url)];
    expect(await evaluate(code)).toEqual(expected);
  });

  test('what is no URL is refused', async () => {
    const code = `let name; try { new URL('x'); } catch (error) { name = error.name; }
      return [name, URL.canParse('x'), URL.canParse('x', 'http://a'), URL.parse('x')]`;
    expect(await evaluate(code)).toEqual(['TypeError', false, true, null]);
  });

  test('search set on the URL reaches its searchParams', async () => {
    const code = `const url = new URL('http://a/?x=1'); const params = url.searchParams; url.search = '?y=2';
      return [params.get('x'), params.get('y'), params === url.searchParams]`;
    expect(await evaluate(code)).toEqual([null, '2', true]);
  });

  test('URLSearchParams parses and prints any ASCII query as Node does', async () => {
    const queries = fc.array(
      fc.string({ unit: fc.constantFrom(..."ab=&+% ?%41%zz%e2%82!(~'*"), maxLength: 15 }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(queries, async (input) => {
        const code = `return input.map((q) => { const p = new URLSearchParams(q); return [[...p], p.toString(), p.size]; })`;
        const expected = input.map((query) => {
          const params = new URLSearchParams(query);
          return [[...params], params.toString(), params.size];
        });
        expect(await evaluate(code, input)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('characters beside escapes are read by the URL Standard, where Node 26 mixes up their bytes', async () => {
    const code = `return ['€=😀', '%aa€', '%e2%82%ac€'].map((query) => [...new URLSearchParams(query)][0])`;
    expect(await evaluate(code)).toEqual([
      ['€', '😀'],
      ['\ufffd€', ''],
      ['€€', ''],
    ]);
  });

  test('URLSearchParams is edited like a list', async () => {
    const code = `const p = new URLSearchParams([['b', '1'], ['a', '2'], ['b', '3']]);
      p.set('b', '4'); p.append('c', '5'); p.delete('c', '6'); p.sort();
      const seen = []; p.forEach((value, name) => seen.push(name + value));
      return [seen, p.has('b', '4'), p.getAll('b'), [...p.keys()], [...p.values()], String(new URLSearchParams({ x: 'y z' }))]`;
    expect(await evaluate(code)).toEqual([
      ['a2', 'b4', 'c5'],
      true,
      ['4'],
      ['a', 'b', 'c'],
      ['2', '4', '5'],
      'x=y+z',
    ]);
  });
});

describe('structuredClone and crypto', () => {
  test('structuredClone copies deeply, with cycles and shared parts', async () => {
    const code = `const shared = { n: 1 };
      const value = { date: new Date(5), map: new Map([[shared, new Set([1])]]), list: [shared, , 3], bytes: new Uint8Array([1, 2]).subarray(1), error: new TypeError('bad', { cause: shared }) };
      value.self = value;
      const copy = structuredClone(value);
      return [copy !== value, copy.self === copy, copy.list[0] !== shared, [...copy.map.keys()][0] === copy.list[0],
        copy.date.getTime(), [...copy.bytes], copy.error instanceof TypeError, copy.error.cause === copy.list[0], copy.list.length]`;
    expect(await evaluate(code)).toEqual([true, true, true, true, 5, [2], true, true, 3]);
  });

  test('structuredClone refuses functions and symbols', async () => {
    const code = `try { structuredClone({ f() {} }); } catch (error) { return error.name; }`;
    expect(await evaluate(code)).toBe('DataCloneError');
  });

  test('randomUUID is a version 4 UUID and never the same', async () => {
    const uuids = (await evaluate('return [crypto.randomUUID(), crypto.randomUUID()]')) as string[];
    expect(uuids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuids[0]).not.toBe(uuids[1]);
  });

  test('getRandomValues fills the view that it is given and nothing around it', async () => {
    const code = `const all = new Uint8Array(64); const view = crypto.getRandomValues(new Uint32Array(all.buffer, 16, 8));
      return [view.some((n) => n !== 0), all.slice(0, 16).every((n) => n === 0), all.slice(48).every((n) => n === 0)]`;
    expect(await evaluate(code)).toEqual([true, true, true]);
  });

  test('getRandomValues refuses floats and too much at once', async () => {
    const code = `const attempt = (view) => { try { crypto.getRandomValues(view); } catch (error) { return error.name; } };
      return [attempt(new Float64Array(1)), attempt(new Uint8Array(65537)), attempt([])]`;
    expect(await evaluate(code)).toEqual(['TypeError', 'RangeError', 'TypeError']);
  });
});

describe('AbortController, performance and Intl', () => {
  test('an abort reaches its listeners once, with its reason', async () => {
    const code = `const seen = []; const c = new AbortController();
      c.signal.addEventListener('abort', (event) => seen.push(event.type)); c.signal.onabort = () => seen.push('onabort');
      const gone = () => seen.push('gone'); c.signal.addEventListener('abort', gone); c.signal.removeEventListener('abort', gone);
      c.abort(); c.abort('again');
      let thrown; try { c.signal.throwIfAborted(); } catch (error) { thrown = error.name; }
      let made; try { new AbortSignal(); } catch (error) { made = error.name; }
      return [seen, c.signal.aborted, c.signal.reason.name, thrown, made, AbortSignal.abort('why').reason, AbortSignal.any([c.signal]).aborted]`;
    expect(await evaluate(code)).toEqual([
      ['onabort', 'abort'],
      true,
      'AbortError',
      'AbortError',
      'TypeError',
      'why',
      true,
    ]);
  });

  test('AbortSignal.timeout and any end what waits', async () => {
    const code = `const signal = AbortSignal.any([new AbortController().signal, AbortSignal.timeout(2)]);
      return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason.name)))`;
    expect(await evaluate(code)).toBe('TimeoutError');
  });

  test('performance.now counts from the start of the call', async () => {
    const code = `const before = performance.now(); await new Promise((done) => setTimeout(done, 5)); const after = performance.now();
      return [before >= 0, after - before >= 4, Math.abs(performance.timeOrigin + after - Date.now()) < 1000]`;
    expect(await evaluate(code)).toEqual([true, true, true]);
  });

  test('Intl formats numbers and dates', async () => {
    const code = `return [new Intl.NumberFormat('de-DE').format(1234.5), new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC' }).format(0), 'ä'.localeCompare('z', 'de')]`;
    expect(await evaluate(code)).toEqual(['1.234,5', '01/01/1970', -1]);
  });
});
