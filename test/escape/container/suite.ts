/**
 * Every trick of this folder, with what must become of it, in containers of one engine runtime.
 * A trick's header says `expect: exit [result] | …`, and `runsc: …` where gVisor's own kernel makes that another thing.
 * `completed []` is a probe: its result lists what it could do though it must not. After each trick its container is gone;
 * beside those that eat the machine another tenant's call is answered; none may say a canary or bring a file of the image out.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { ContainerExecutor } from '../../../src/execution/container/container-executor.ts';
import type { EngineRuntime } from '../../../src/model/tool.ts';
import type { Limits } from '../../../src/model/limits.ts';
import {
  buildImages,
  collect,
  countContainers,
  openExecutor,
  profileOf,
  requestOf,
} from '../../support/container-calls.ts';
import type { Seen } from '../../support/container-calls.ts';

/** What happens is required, not how fast: the deadline is one that a busy machine does not reach. */
const limits: Limits = {
  timeoutMs: 60_000,
  memoryMiB: 128,
  cpus: 1,
  pids: 64,
  outputBytes: 512 * 1024,
  logBytes: 64 * 1024,
  artifactBytes: 64 * 1024,
  hostCalls: 0,
};
/** For those that go on until their deadline, whatever it is. */
const endless = { timeoutMs: 1500, cpus: 0.5 };
/** Deadline to exit, milliseconds: what a kill may take on a busy machine. */
const graceMs = 5000;
const canaries = { environment: 'canary-environment-41d7', arguments: 'canary-arguments-e02b' };
/** Those that others might suffer from. */
export const eatsTheMachine = /^(bomb|flood|loop)-/;

const folder = new URL('.', import.meta.url);
export const trickNames = readdirSync(folder).filter((name) => /\.(py|sh)$/.test(name));

export function describeContainerCorpus(engineRuntime: EngineRuntime, names = trickNames): void {
  describe(`tricks inside a container (${engineRuntime})`, () => {
    const instance = `test-escape-${randomUUID()}`;
    let executor: ContainerExecutor;
    beforeAll(async () => {
      await buildImages('python', 'shell');
      vi.stubEnv('SALLYPORT_CANARY', canaries.environment);
      executor = openExecutor({ instance });
    }, 600_000);
    afterAll(async () => {
      await executor[Symbol.asyncDispose]();
      vi.unstubAllEnvs();
      expect(await countContainers(instance)).toBe(0);
    });

    async function run(image: 'python' | 'shell', source: string, tenant: string): Promise<Seen> {
      const profile = profileOf(image, { engineRuntime, limits: limitsOf(source) });
      const args = image === 'python' ? { code: source } : { script: source };
      const request = { ...requestOf(profile, args), tenant, principal: tenant };
      return await collect(executor.run(request, new AbortController().signal));
    }

    test.concurrent.each(names)('%s', { timeout: 120_000 }, async (name) => {
      const source = readFileSync(new URL(name, folder), 'utf8');
      const image = extname(name) === '.py' ? 'python' : 'shell';
      const neighbour = eatsTheMachine.test(name)
        ? run('shell', `secret=${canaries.arguments}; echo here`, 'neighbour')
        : null;
      const seen = await run(image, source, 'attacker');
      expect(accepted(source, engineRuntime)).toContain(outcomeOf(source, engineRuntime, seen));
      expect(seen.usage.wallMs).toBeLessThan(limitsOf(source).timeoutMs + graceMs);
      expect(JSON.stringify(seen)).not.toMatch(/canary-(environment-41d7|arguments-e02b)|root:x:0:0/);
      if (neighbour !== null)
        expect(await neighbour).toMatchObject({ stdout: 'here\n', result: { exitCode: 0 } });
    });
  });
}

function limitsOf(source: string): Limits {
  return /^# expect: timed_out/m.test(source) ? { ...limits, ...endless } : limits;
}

function accepted(source: string, engineRuntime: EngineRuntime): string[] {
  const header = (key: string): string | undefined => new RegExp(`^# ${key}: (.+)$`, 'm').exec(source)?.[1];
  const line = (engineRuntime === 'runsc' ? header('runsc') : undefined) ?? header('expect');
  if (line === undefined) throw new Error('a trick says what must become of it');
  return line.split(' | ');
}

/** As far as the header cares: the result too, unless an exit alone is accepted. */
function outcomeOf(source: string, engineRuntime: EngineRuntime, { exit, result }: Seen): string {
  if (exit.reason !== 'completed' || accepted(source, engineRuntime).includes('completed'))
    return exit.reason;
  return `completed ${JSON.stringify(result)}`;
}
