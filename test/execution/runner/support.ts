/** A runner's link without a runner's process: what is asked for, and the two ends. */
import { createServer, connect } from 'node:net';
import type { Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type {
  ExecutionFrame,
  ExecutionRequest,
  SandboxExecutor,
  SandboxProfile,
  SandboxRequest,
} from '../../../src/execution/executor.ts';

export const limits = {
  timeoutMs: 1000,
  memoryMiB: 128,
  cpus: 1,
  pids: 64,
  outputBytes: 1000,
  logBytes: 1000,
  artifactBytes: 1000,
  hostCalls: 10,
};
export const profile: SandboxProfile = {
  kind: 'isolate',
  tool: 'echo',
  limits,
  code: null,
  reuse: 'tenant',
  minConfinement: 'process',
  webAssembly: false,
};
export const request: ExecutionRequest = {
  callId: 'call_01J00000000000000000000001',
  tenant: 'acme',
  principal: 'ana',
  revision: 'sha256:a',
  tool: 'echo',
  limits,
  args: Buffer.from('{"code":"return 1"}'),
};
export type Script = (request: SandboxRequest, signal: AbortSignal) => AsyncIterable<ExecutionFrame>;

export function executorOf(run: Script): SandboxExecutor {
  return {
    kind: 'isolate',
    run,
    health: async () => ({ kind: 'isolate', state: 'ok', confinement: 'process', reason: null }),
    [Symbol.asyncDispose]: async () => {},
  };
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

export async function socketPair(): Promise<[Socket, Socket]> {
  const folder = mkdtempSync(join(tmpdir(), 'link-'));
  const path = join(folder, 's');
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = connect(path);
  const pair: [Socket, Socket] = [client, await accepted];
  server.close();
  cleanups.push(() => {
    for (const socket of pair) socket.destroy();
    rmSync(folder, { recursive: true });
  });
  return pair;
}

/** A call id of the first milliseconds of 1970. */
export function idOf(sequence: number): string {
  return `call_${String(sequence).padStart(26, '0')}`;
}
