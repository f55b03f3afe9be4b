/** Both forms of tool code, and what their mistakes look like to the one who wrote them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import type { JsonObject } from '../../../src/model/json.ts';
import { createExecutor, runCode, runTool } from './support.ts';

let executor: SandboxExecutor;
beforeAll(async () => {
  executor = await createExecutor();
});
afterAll(async () => {
  await executor[Symbol.asyncDispose]();
});

async function resultOf(code: string, input?: JsonObject): Promise<unknown> {
  const { exit, result } = await runCode(executor, code, input);
  expect(exit).toEqual({ type: 'exit', reason: 'completed', error: null });
  return JSON.parse(result);
}

async function errorOf(code: string): Promise<unknown> {
  const { exit, result } = await runCode(executor, code);
  expect(exit.reason).toBe('threw');
  expect(result).toBe('');
  return exit.error;
}

describe("the caller's own code", () => {
  test('a default export is called with the input', async () => {
    expect(await resultOf('export default (input) => input.a + 1;', { a: 1 })).toBe(2);
  });

  test('without a default export it is the body of an async function', async () => {
    expect(await resultOf('return 1+1')).toBe(2);
    expect(await resultOf('return (await Promise.resolve(input.a)) + 1;', { a: 1 })).toBe(2);
  });

  test('a body that returns nothing gives null', async () => {
    expect(await resultOf('const a = 1;')).toBe(null);
    expect(await resultOf('')).toBe(null);
  });

  test('a body may end in a comment', async () => {
    expect(await resultOf('return 1 // one')).toBe(1);
  });

  test('a body that looks closed cannot leave its function', async () => {
    expect(await errorOf('return 1 }); globalThis.x = 1; (() => {')).toMatchObject({ name: 'SyntaxError' });
  });

  test('the input is null when none is given', async () => {
    expect(await resultOf('export default (input) => ({ input })')).toEqual({ input: null });
  });

  test('host is an empty frozen object', async () => {
    const code = 'export default (input, host) => [Object.isFrozen(host), Object.keys(host)]';
    expect(await resultOf(code)).toEqual([true, []]);
  });

  test('a class or an object as default export is refused clearly', async () => {
    expect(await errorOf('export default 5')).toMatchObject({
      name: 'TypeError',
      message: 'the default export is not a function (input, host) => value',
    });
  });

  test('exports without a default one are refused clearly', async () => {
    expect(await errorOf('export const a = 1;')).toMatchObject({
      name: 'SyntaxError',
      message: 'tool.js has no default export: export default (input, host) => value',
    });
  });

  test('code that is not text is refused', async () => {
    const { exit } = await runCode(executor, { not: 'text' } as unknown as string);
    expect(exit.error).toEqual({
      name: 'TypeError',
      message: 'args.code must be a string of JavaScript or TypeScript',
    });
  });
});

describe('errors', () => {
  test('line and column are those of the code, as a module', async () => {
    expect(await errorOf('export default () => {\n  null.x;\n};')).toEqual({
      name: 'TypeError',
      message: "Cannot read properties of null (reading 'x')",
      stack: "TypeError: Cannot read properties of null (reading 'x')\n    at default (tool.js:2:8)",
    });
  });

  test('line and column are those of the code, as a body', async () => {
    expect(await errorOf('throw new RangeError("bad");')).toMatchObject({
      stack: 'RangeError: bad\n    at default (tool.js:1:7)',
    });
    expect(await errorOf('\n\n  throw new RangeError("bad");')).toMatchObject({
      stack: 'RangeError: bad\n    at default (tool.js:3:9)',
    });
  });

  test.each([
    ['a module', 'export default () => {\n  const a = ;\n};', 'tool.js:2:13'],
    ['a body that returns', 'const a = 1;\nreturn 1 +;', 'tool.js:2:11'],
    ['a body that does not', 'const a = ;', 'tool.js:1:11'],
  ])('a syntax error of %s says where it is', async (_form, code, place) => {
    expect(await errorOf(code)).toEqual({
      name: 'SyntaxError',
      message: "Unexpected token ';'",
      stack: `SyntaxError: Unexpected token ';'\n    at ${place}`,
    });
  });

  test('a return at the top of a module with exports is the mistake that is told', async () => {
    expect(await errorOf('return 1;\nexport default () => 1;')).toMatchObject({
      message: 'Illegal return statement',
    });
  });

  test('the stack shows the file of a tool, without folders', async () => {
    const { exit } = await runTool(
      executor,
      'export default () => { throw new Error("x"); }',
      {},
      { name: 'a/b/c.js' },
    );
    expect(exit.error?.stack).toBe('Error: x\n    at default (c.js:1:30)');
  });

  test('an error after a top-level await that waits for a timer is told', async () => {
    const source =
      'await new Promise((done) => setTimeout(done, 1));\nthrow new Error("late");\nexport default () => 1;';
    const { exit } = await runTool(executor, source);
    expect(exit.error).toEqual({ name: 'Error', message: 'late', stack: 'Error: late\n    at tool.js:2:7' });
  });

  test.each([
    ['a string', 'throw "text"', 'text'],
    ['a number', 'throw 5', '5'],
    ['an object', 'throw { code: 5 }', '{"code":5}'],
    ['null', 'throw null', 'null'],
    ['undefined', 'throw undefined', 'undefined'],
  ])('%s that is thrown becomes the message', async (_what, code, message) => {
    expect(await errorOf(code)).toEqual({ name: 'Error', message });
  });

  test('getters that throw keep nothing back but themselves', async () => {
    const code = `throw { name: 'Kept', get message() { throw 1; }, get stack() { throw 2; } }`;
    expect(await errorOf(code)).toEqual({
      name: 'Kept',
      message: 'a value that cannot be shown was thrown',
    });
  });

  test.each(['function', 'symbol'])('a result that JSON has no word for is named: %s', async (kind) => {
    const code = `return ${kind === 'function' ? '() => 1' : 'Symbol()'}`;
    expect(await errorOf(code)).toMatchObject({
      name: 'TypeError',
      message: `the result is a ${kind}, which JSON cannot carry`,
    });
  });

  test('an error that is too long is cut', async () => {
    const error = (await errorOf('throw new Error("x".repeat(100_000))')) as {
      message: string;
      stack: string;
    };
    expect(error.message.length).toBe(4096);
    expect(error.stack.length).toBe(4096);
  });

  test('an import is refused by name, and nothing runs', async () => {
    const { exit, stdout } = await runCode(
      executor,
      'import a from "lodash"; console.log(1); export default () => 1',
    );
    expect(stdout).toBe('');
    expect(exit.error).toEqual({
      name: 'SyntaxError',
      message: 'import of "lodash" is not available: a tool is one module without imports',
    });
  });

  test('import() is refused', async () => {
    expect(await errorOf('return import("lodash")')).toEqual({
      name: 'SyntaxError',
      message: 'import() is not available: a tool is one module without imports',
    });
  });

  test('a tool of policy is a module, never a body', async () => {
    const { exit } = await runTool(executor, 'return 1');
    expect(exit.error).toMatchObject({ name: 'SyntaxError', message: 'Illegal return statement' });
  });
});

describe('time', () => {
  test('microtasks run before the call ends', async () => {
    expect(await resultOf('let seen = 0; queueMicrotask(() => { seen = 1; }); await null; return seen')).toBe(
      1,
    );
  });

  test('timers fire in the order of their delays', async () => {
    const code = `const order = [];
      setTimeout(() => order.push('b'), 15);
      setTimeout((a) => order.push(a), 5, 'a');
      setTimeout(() => order.push('cleared'), 10).toString();
      await new Promise((done) => setTimeout(done, 30));
      return order;`;
    expect(await resultOf(code)).toEqual(['a', 'cleared', 'b']);
  });

  test('intervals repeat until they are cleared', async () => {
    const code = `let fired = 0;
      await new Promise((done) => { const id = setInterval(() => { fired += 1; if (fired === 3) { clearInterval(id); done(); } }, 1); });
      return fired;`;
    expect(await resultOf(code)).toBe(3);
  });

  test('a cleared timer does not fire, and does not hold the call', async () => {
    expect(
      await errorOf('clearTimeout(setTimeout(() => {}, 60_000)); await new Promise(() => {});'),
    ).toMatchObject({
      message: 'the returned promise can never settle: nothing is left that could settle it',
    });
  });

  test('an error in a timer or a microtask ends the call', async () => {
    const wait = 'await new Promise((done) => setTimeout(done, 1000));';
    expect(await errorOf(`setTimeout(() => { throw new Error('in timer'); }, 1); ${wait}`)).toMatchObject({
      message: 'in timer',
    });
    expect(
      await errorOf(`queueMicrotask(() => { throw new Error('in microtask'); }); ${wait}`),
    ).toMatchObject({
      message: 'in microtask',
    });
  });

  test('host calls have a budget, and the guest can go on without them', async () => {
    const code = `let made = 0; try { for (;;) { console.log('x'); made += 1; } } catch (error) { return [made, error.name]; }`;
    const { result } = await runCode(executor, code, null, { hostCalls: 7 });
    expect(JSON.parse(result)).toEqual([7, 'RangeError']);
  });

  test('logs are cut between characters', async () => {
    const { stdout, usage } = await runCode(executor, `console.log('€€€'); console.log('more');`, null, {
      logBytes: 8,
    });
    expect(stdout).toBe('€€');
    expect(usage.truncated).toEqual([{ stream: 'stdout', keptBytes: 6, droppedBytes: 9 }]);
  });
});
