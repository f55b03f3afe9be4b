/** B6: one decision among 10,000 rules against one among 100, and how long 10,000 rules take to compile. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { decide } from '../../src/policy/decide.ts';
import type { CallRequest } from '../../src/policy/evaluate-rule.ts';
import { loadRevision } from '../../src/policy/load-revision.ts';
import type { Revision } from '../../src/policy/revision.ts';
import { noSession } from '../../src/model/taint.ts';

const TOOLS = 100;
const RULES_PER_POLICY = 10;

export interface ScaleResult {
  readonly few: { readonly rules: number; readonly p50Us: number };
  readonly many: {
    readonly rules: number;
    readonly p50Us: number;
    readonly compileMs: number;
    readonly compileCpuMs: number;
  };
  readonly ratio: number;
}

const call: CallRequest = {
  principal: { id: 'ana', tenant: 'acme', roles: ['role-0', 'role-1'], attributes: {} },
  tool: 'tool_3',
  args: { code: 'x', limit: 1 },
  session: noSession,
  request: { ip: '127.0.0.1', timeMs: 0 },
};

export async function benchScale(): Promise<ScaleResult> {
  const [few, many] = [await compiled(100), await compiled(10_000)];
  const bench = new Bench({ time: 1000, warmupTime: 300 });
  for (const [name, { revision }] of [['few', few] as const, ['many', many] as const]) {
    bench.add(name, () => {
      if (decide(revision, call).effect !== 'allow') throw new Error('denied');
    });
  }
  await bench.run();
  const p50Us = (name: string): number => {
    const result = bench.getTask(name)?.result;
    if (result === undefined || !('latency' in result)) throw new Error(`${name} did not run`);
    return result.latency.p50 * 1000;
  };
  const [fewUs, manyUs] = [p50Us('few'), p50Us('many')];
  return {
    few: { rules: 100, p50Us: fewUs },
    many: { rules: 10_000, p50Us: manyUs, compileMs: many.compileMs, compileCpuMs: many.compileCpuMs },
    ratio: manyUs / fewUs,
  };
}

interface Compiled {
  readonly revision: Revision;
  readonly compileMs: number;
  /** Of this thread alone: what a busy machine does not change. */
  readonly compileCpuMs: number;
}

async function compiled(rules: number): Promise<Compiled> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  try {
    await writeFile(join(directory, 'policy.yaml'), manyRules(rules));
    const [startedAt, cpu] = [performance.now(), process.threadCpuUsage()];
    const revision = await loadRevision({ directories: [directory], knownDetectors: [] });
    const { user, system } = process.threadCpuUsage(cpu);
    return { revision, compileMs: performance.now() - startedAt, compileCpuMs: (user + system) / 1000 };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** 100 tools and as many rules as asked for. Each policy means one role and has a rule for each of ten tools; every condition is different. */
export function manyRules(rules: number): string {
  const tools = Array.from({ length: TOOLS }, (_, at) => toolText(at));
  const policies = Array.from({ length: rules / RULES_PER_POLICY }, (_, at) => policyText(at));
  return [...tools, ...policies].join('---\n');
}

function toolText(at: number): string {
  return `apiVersion: sallyport/v1
kind: Tool
metadata: {name: tool_${at}}
spec:
  input: {type: object, additionalProperties: false, required: [code, limit], properties: {code: {type: string}, limit: {type: integer}}}
  runtime: {kind: isolate}
`;
}

function policyText(at: number): string {
  const rules = Array.from({ length: RULES_PER_POLICY }, (_, index) => {
    const tool = (at * RULES_PER_POLICY + index) % TOOLS;
    return `    - {name: r${index}, effect: ${index === 9 ? 'deny' : 'allow'}, tools: [tool_${tool}], when: 'args.limit <= ${at + index} && args.code != "c${at}"'}\n`;
  });
  return `apiVersion: sallyport/v1
kind: Policy
metadata: {name: p${at}}
spec:
  subjects: [{roles: [role-${at}]}]
  rules:
${rules.join('')}`;
}
