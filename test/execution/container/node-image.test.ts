import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages, call, openExecutor } from '../../support/container-calls.ts';

const executor = openExecutor();
beforeAll(async () => await buildImages('node'), 600_000);
afterAll(async () => await executor[Symbol.asyncDispose]());

test('a function body gives its value, with require and dynamic import', async () => {
  expect((await call(executor, 'node', { code: 'return 1+1' })).result).toBe(2);
  const code =
    'const fs = require("node:fs"); const { join } = await import("node:path"); fs.writeFileSync(join("out", "x"), "y"); return input.a';
  const seen = await call(executor, 'node', { code, input: { a: [1] } });
  expect(seen.result).toEqual([1]);
  expect(seen.artifacts).toEqual({ x: 'y' });
  expect(seen.stderr).toBe('');
});

test('a module gives what its default export returns', async () => {
  const code =
    'import { basename } from "node:path";\nexport default async (input, host) => basename(input) + typeof host;';
  expect((await call(executor, 'node', { code, input: '/a/b' })).result).toBe('bobject');
});

test('a module can import a file that came with the call', async () => {
  const files = [{ path: 'lib/two.mjs', text: 'export const two = 2;' }];
  const code = 'import { two } from "./lib/two.mjs";\nexport default () => two;';
  expect((await call(executor, 'node', { code, files })).result).toBe(2);
});

test('prints are stdout and stderr', async () => {
  const seen = await call(executor, 'node', { code: 'console.log("a"); console.error("b")' });
  expect(seen).toMatchObject({ stdout: 'a\n', stderr: 'b\n', result: null });
});

test('stacks have the lines of the code and none of the harness', async () => {
  const body = await call(executor, 'node', { code: '// first\nnull.x' });
  expect(body.exit).toEqual({
    type: 'exit',
    reason: 'threw',
    error: {
      name: 'TypeError',
      message: "Cannot read properties of null (reading 'x')",
      stack: "TypeError: Cannot read properties of null (reading 'x')\n    at <code>:2:6",
    },
  });
  const module = await call(executor, 'node', {
    code: 'export default () => {\n  throw new RangeError("q");\n};',
  });
  expect(module.exit.error?.stack).toBe('RangeError: q\n    at default (<code>:2:9)');
});

test('syntax errors name their line, in a body as in a module', async () => {
  expect((await call(executor, 'node', { code: 'let a;\nlet b = ;' })).exit.error?.stack).toMatch(
    /^<code>:2\n/,
  );
  const code = 'import "node:fs";\nlet b = ;';
  expect((await call(executor, 'node', { code })).exit.error?.stack).toMatch(/^<code>:2\n/);
});

test('code of a tool exports a function of the arguments', async () => {
  const code = { name: 'twice.js', source: 'export default (args) => args.n * 2;' };
  expect((await call(executor, 'node', { n: 4 }, { code })).result).toBe(8);
  const none = { name: 'none.js', source: 'export const x = 1;' };
  expect((await call(executor, 'node', {}, { code: none })).exit.error?.message).toBe(
    'none.js has to export a default function (args, host) => value',
  );
});

test('late errors, endless waits and exits are told apart', async () => {
  const late =
    'setTimeout(() => { throw new Error("late") }, 1); await new Promise((r) => setTimeout(r, 9000))';
  expect((await call(executor, 'node', { code: late })).exit.error?.message).toBe('late');
  expect((await call(executor, 'node', { code: 'await new Promise(() => {})' })).exit.error?.message).toBe(
    'the code waits for something that can never happen',
  );
  expect((await call(executor, 'node', { code: 'process.exit(3)' })).exit.error?.message).toBe(
    'exit status 3',
  );
  expect((await call(executor, 'node', { code: 'process.exit()' })).result).toBe(null);
});

test('a result without a JSON form is a clear TypeError', async () => {
  expect((await call(executor, 'node', { code: 'return 1n' })).exit.error).toMatchObject({
    name: 'TypeError',
    message: 'the result cannot be expressed in JSON: Do not know how to serialize a BigInt',
  });
});

test('a heap at its limit is out_of_memory', async () => {
  const code = 'const a = []; for (;;) a.push([1, 2, 3, 4, 5].map(String))';
  expect((await call(executor, 'node', { code })).exit).toEqual({
    type: 'exit',
    reason: 'out_of_memory',
    error: null,
  });
});

test('exit functions of the code come before its end', async () => {
  const code = `process.on('exit', () => console.log('exit function')); return 7`;
  const seen = await call(executor, 'node', { code });
  expect([seen.result, seen.exit.reason, seen.stdout]).toEqual([7, 'completed', 'exit function\n']);
});
