/** WebAssembly: only for a tool that asks, finished without threads, and its memory counts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import { collectRun } from '../../support/collect-run.ts';
import type { CollectedRun } from '../../support/collect-run.ts';
import { createExecutor, limits, toolProfile } from './support.ts';

let executor: SandboxExecutor;
beforeAll(async () => {
  executor = await createExecutor();
});
afterAll(async () => {
  await executor[Symbol.asyncDispose]();
});

/** (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)) */
const add = `new Uint8Array([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,32,1,106,11])`;

function runWith(webAssembly: boolean, source: string): Promise<CollectedRun> {
  const profile = { ...toolProfile(source), webAssembly };
  return collectRun(executor, { profile, args: {}, limits });
}

test('a tool that did not ask has none, also after one that did in the same process', async () => {
  const look = 'export default () => typeof WebAssembly;';
  expect((await runWith(true, look)).result).toBe('"object"');
  expect((await runWith(false, look)).result).toBe('"undefined"');
});

test('modules compile and run, in both ways to ask for it', async () => {
  const source = `const bytes = ${add};
    export default async () => {
      const made = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.add(1, 2);
      const { instance } = await WebAssembly.instantiate(bytes);
      const again = await WebAssembly.instantiate(await WebAssembly.compile(bytes));
      return [made, instance.exports.add(3, 4), again.exports.add(5, 6)];
    };`;
  expect((await runWith(true, source)).result).toBe('[3,7,11]');
});

test('a module that is none is refused as anywhere', async () => {
  const source = 'export default () => WebAssembly.compile(new Uint8Array(8));';
  expect((await runWith(true, source)).exit).toMatchObject({
    reason: 'threw',
    error: { name: 'CompileError' },
  });
});

test('its memory counts', async () => {
  const source = `export default () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 16_000 });
    for (;;) { const from = memory.buffer.byteLength; memory.grow(160); new Uint8Array(memory.buffer, from).fill(1); }
  };`;
  expect((await runWith(true, source)).exit.reason).toBe('out_of_memory');
});
