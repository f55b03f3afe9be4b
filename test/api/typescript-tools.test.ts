/** Tools in TypeScript through the whole path: the policy's own, and the caller's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const policy = `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: double, title: Double, description: Doubles a number.}
spec:
  input: {type: object, additionalProperties: false, required: [n], properties: {n: {type: number}}}
  runtime: {kind: isolate, code: ./double.ts}
---
apiVersion: sallyport/v1
kind: Tool
metadata: {name: wasm, title: WebAssembly, description: Says whether it has WebAssembly.}
spec:
  input: {type: object, additionalProperties: false}
  runtime: {kind: isolate, code: ./wasm.js, webAssembly: true}
---
apiVersion: sallyport/v1
kind: Tool
metadata: {name: run, title: Run, description: Runs the caller's code.}
spec:
  input: {type: object, additionalProperties: false, required: [code], properties: {code: {type: string, maxLength: 4000}}}
  runtime: {kind: isolate}
---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: everyone}
spec:
  subjects: [{}]
  rules: [{name: all, effect: allow, tools: [double, wasm, run]}]
`;

let server: TestServer;
let policyDir: string;

beforeAll(async () => {
  policyDir = mkdtempSync(join(tmpdir(), 'sallyport-typescript-'));
  writeFileSync(join(policyDir, 'policy.yaml'), policy);
  writeFileSync(join(policyDir, 'double.ts'), 'export default ({ n }: { n: number }): number => 2 * n;');
  writeFileSync(join(policyDir, 'wasm.js'), 'export default () => typeof WebAssembly;');
  server = await startServer({ policyDir });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(policyDir, { recursive: true });
});

test('a code file in TypeScript runs', async () => {
  const { body } = await server.call('double', { n: 21 });
  expect(body).toMatchObject({ status: 'succeeded', result: 42 });
});

test('a directory with such a file lints without a word of Node about it', async () => {
  expect(await runCli(['policy', 'lint', policyDir])).toMatchObject({ code: 0, stderr: '' });
});

test("the caller's TypeScript runs", async () => {
  const { body } = await server.call('run', { code: 'const n: number = 21;\nreturn n * 2 as number;' });
  expect(body).toMatchObject({ status: 'succeeded', result: 42 });
});

test('a tool that asks for WebAssembly has it, another has not', async () => {
  expect((await server.call('wasm', {})).body).toMatchObject({ result: 'object' });
  expect((await server.call('run', { code: 'return typeof WebAssembly' })).body).toMatchObject({
    result: 'undefined',
  });
});
