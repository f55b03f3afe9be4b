/** Every trick of this folder, with what must become of it. A file's header says: `expect: exit [detail] | …`. */
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxExecutor } from '../../../src/execution/executor.ts';
import type { Limits } from '../../../src/model/limits.ts';
import { createExecutor, limits, toolProfile } from '../../execution/isolate/support.ts';
import type { CollectedRun } from '../../support/collect-run.ts';
import { collectRun } from '../../support/collect-run.ts';

interface Trick {
  readonly source: string;
  /** Any of these; `completed {json}`, `threw Name`, or an exit alone. */
  readonly accepted: readonly string[];
  readonly limits: Limits;
}

const folder = new URL('.', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.js'));

function readTrick(name: string): Trick {
  const source = readFileSync(new URL(name, folder), 'utf8');
  const accepted = /^\/\/ expect: (.+)$/m.exec(source)?.[1]?.split(' | ') ?? [];
  const narrowed = /^\/\/ limits: (\w+)=(\d+)$/m.exec(source);
  const own = narrowed === null ? {} : { [String(narrowed[1])]: Number(narrowed[2]) };
  return { source, accepted, limits: { ...limits, timeoutMs: 300, ...own } };
}

function outcomeOf({ exit, result }: CollectedRun): string {
  if (exit.reason === 'completed') return `completed ${result}`;
  return exit.reason === 'threw' ? `threw ${exit.error?.name}` : exit.reason;
}

describe('tricks inside an isolate', () => {
  let executor: SandboxExecutor;
  beforeAll(async () => {
    executor = await createExecutor({ confinement: 'auto' });
  });
  afterAll(async () => {
    await executor[Symbol.asyncDispose]();
  });

  test.each(names)('%s ends as it must, in time, and the next call is served', async (name) => {
    const trick = readTrick(name);
    // A tenant each: one that gets its workers killed waits for new ones.
    const run = await collectRun(executor, {
      profile: toolProfile(trick.source, name),
      args: {},
      limits: trick.limits,
      tenant: name,
    });
    expect(trick.accepted).toContain(outcomeOf(run));
    expect(run.usage.wallMs).toBeLessThan(trick.limits.timeoutMs + 500);
    const next = await collectRun(executor, {
      profile: toolProfile('export default () => 1;'),
      args: {},
      limits,
      tenant: 'bystander',
    });
    expect(outcomeOf(next)).toBe('completed 1');
  });
});
