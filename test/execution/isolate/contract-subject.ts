/** What the contract of sandbox executors asks for, in JavaScript for isolates. */
import type { ContractSubject } from '../../contract/sandbox-executor.ts';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import { limits } from './support.ts';

export function isolateSubject(name: string, create: () => Promise<SandboxExecutor>): ContractSubject {
  return {
    name,
    create,
    limits,
    graceMs: 500,
    profile: (source, narrowed) => ({
      kind: 'isolate',
      tool: 'a_tool',
      limits: narrowed,
      reuse: 'tenant',
      minConfinement: 'process',
      webAssembly: false,
      code: { name: 'tool.js', source },
    }),
    snippets: {
      sum: 'export default ({ a, b }) => ({ sum: a + b });',
      echo: 'export default (input) => input;',
      print: `export default () => { console.log('to stdout'); console.error('to stderr'); };`,
      fail: `export default () => { throw new Error('boom'); };`,
      loop: 'export default () => { for (;;); };',
      printMuch: `export default ({ bytes }) => {
      for (let sent = 0; sent < bytes; sent += 1000) console.log('x'.repeat(999));
      return 'done';
    };`,
      returnMuch: `export default ({ bytes }) => 'x'.repeat(bytes);`,
      takeMemory:
        'export default () => { const held = []; for (;;) held.push(new Array(1000).fill(held.length + 0.5)); };',
      leaveMark: `export default () => {
      const seen = 'mark' in globalThis || 'mark' in Object.prototype;
      globalThis.mark = 1;
      Object.prototype.mark = 1;
      return seen;
    };`,
      printAndLoop: `export default () => { console.log('running'); for (;;); };`,
    },
  };
}
