/** A script of our own in a container as calls get it, to learn what such a container can do. */
import { randomUUID } from 'node:crypto';

import type { ContainerProfile, SandboxRequest } from '../executor.ts';
import type { EngineRuntime } from '../../model/tool.ts';
import type { Limits } from '../../model/limits.ts';
import type { ContainerExecutor } from './container-executor.ts';

const limits: Limits = {
  timeoutMs: 20_000,
  memoryMiB: 64,
  cpus: 1,
  pids: 32,
  outputBytes: 1024,
  logBytes: 4096,
  artifactBytes: 1024,
  hostCalls: 0,
};

export interface Probed {
  readonly printed: string;
  /** Why it did not come to its end; null when it did. */
  readonly objection: string | null;
}

/** Never rejects. */
export async function runProbe(
  executor: ContainerExecutor,
  engineRuntime: EngineRuntime,
  script: string,
): Promise<Probed> {
  let printed = '';
  try {
    for await (const frame of executor.run(requestFor(engineRuntime, script), new AbortController().signal)) {
      if (frame.type === 'stdout') printed += Buffer.from(frame.data).toString('utf8');
      if (frame.type === 'exit' && frame.reason !== 'completed') {
        const why = frame.error?.message ?? 'no word why';
        return { printed, objection: `the self-test ended as ${frame.reason}: ${why}` };
      }
    }
  } catch (error) {
    return { printed, objection: error instanceof Error ? error.message : String(error) };
  }
  return { printed, objection: null };
}

function requestFor(engineRuntime: EngineRuntime, script: string): SandboxRequest {
  const profile: ContainerProfile = {
    kind: 'container',
    tool: 'probe',
    limits,
    code: null,
    image: { name: 'shell', source: { from: 'local', folder: 'shell' }, entry: 'script' },
    engineRuntime,
  };
  return {
    callId: `call_${randomUUID()}`,
    tenant: 'sallyport',
    principal: 'sallyport',
    revision: '',
    tool: profile.tool,
    limits,
    args: Buffer.from(JSON.stringify({ script })),
    profile,
  };
}
