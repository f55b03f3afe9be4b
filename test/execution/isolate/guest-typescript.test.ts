/** The caller's own code in TypeScript: types are left out, places stay, and the parser is nobody's way out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import { createExecutor, runCode, runTool } from './support.ts';

let executor: SandboxExecutor;
beforeAll(async () => {
  executor = await createExecutor();
});
afterAll(async () => {
  await executor[Symbol.asyncDispose]();
});

describe('TypeScript of the caller', () => {
  test.each([
    ['a module', 'export default (input: { a: number }): number => input.a + 1;'],
    ['a body', 'const { a }: { a: number } = input as { a: number };\nreturn a + 1 satisfies number;'],
    ['a body that awaits', 'const a: number = await input.a;\nreturn a! + 1;'],
    [
      'types of every kind',
      `import type { Gone } from 'gone';
       type Id<T> = T; interface Has { a: Id<number> } declare const never: Gone;
       abstract class Base<T> { protected abstract plus(by: T): T; }
       class Sum extends Base<number> implements Has { a: number = 0; override plus(by: number): number { return this.a + by; } }
       export default (input: Has) => Object.assign(new Sum(), input).plus(1) as unknown;`,
    ],
  ])('%s runs', async (_form, code) => {
    const { exit, result } = await runCode(executor, code, { a: 41 });
    expect(exit).toEqual({ type: 'exit', reason: 'completed', error: null });
    expect(result).toBe('42');
  });

  test('line and column of an error are those of the source, also behind types and wide characters', async () => {
    const body = 'type Name = "é€😀";\nconst name: Name | null = null; name!.x;\nreturn 1';
    expect((await runCode(executor, body)).exit.error).toEqual({
      name: 'TypeError',
      message: "Cannot read properties of null (reading 'x')",
      stack: "TypeError: Cannot read properties of null (reading 'x')\n    at default (tool.js:2:39)",
    });
  });

  test.each([
    ['a mistake after the first type', 'const a: number = 1;\nconst b = ;', 'Expression expected', '2:11'],
    ['the same in a body', 'const a: number = 1;\nreturn b + ;', 'Expression expected', '2:12'],
    ['on the first line of a body', 'return (b as number) + ;', 'Expression expected', '1:24'],
    ['a mistake of JavaScript', 'const a = ;', "Unexpected token ';'", '1:11'],
  ])('%s is told by whoever read further', async (_what, code, message, place) => {
    const { exit } = await runCode(executor, code);
    expect(exit.error).toEqual({
      name: 'SyntaxError',
      message,
      stack: `SyntaxError: ${message}\n    at tool.js:${place}`,
    });
  });

  test('TypeScript that would need code to be made is refused by name', async () => {
    const { exit } = await runCode(executor, 'enum Colour { Red }\nexport default () => Colour.Red;');
    expect(exit.error?.message).toBe(
      'TypeScript enum is not supported in strip-only mode: types are left out, and no code is made of them',
    );
  });

  test('an import that is left after the types went is refused as ever', async () => {
    const { exit } = await runCode(executor, 'import a from "a"; export default (x: number) => a;');
    expect(exit.error?.message).toBe('import of "a" is not available: a tool is one module without imports');
  });

  test('a tool of policy is taken as it stands: its types went when the policy was loaded', async () => {
    const { exit } = await runTool(executor, 'export default (a: number) => a;');
    expect(exit.error).toMatchObject({ name: 'SyntaxError', message: "Unexpected token ':'" });
  });

  test('source that overflows the parser costs the worker, and the next call is served', async () => {
    const deep = `const a: number = 1;\n${'{'.repeat(5000)}${'}'.repeat(5000)}\nreturn a;`;
    expect((await runCode(executor, deep)).exit.reason).toBe('out_of_memory');
    expect((await runCode(executor, 'return 1 as number')).result).toBe('1');
  });

  test('the deadline holds while types are stripped', async () => {
    const slow = `const a: number = 1;\n${'f(a as any as number, <T,>(x: T) => x);\n'.repeat(200_000)}`;
    const { exit } = await runCode(executor, slow, null, { timeoutMs: 100, memoryMiB: 512 });
    expect(exit.reason).toBe('timed_out');
  });
});
