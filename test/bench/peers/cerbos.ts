/** Cerbos as its users run it: its own binary, asked over HTTP on loopback. Linux on x64, as its package is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';

export interface CerbosServer extends AsyncDisposable {
  /** Where a check is posted. */
  readonly url: string;
}

/** Nothing on that the decision does not need: no audit log, no telemetry, no watching of files, no schemas. */
function configuration(http: number, grpc: number, policies: string): string {
  return `
server: {httpListenAddr: "127.0.0.1:${http}", grpcListenAddr: "127.0.0.1:${grpc}"}
storage: {driver: disk, disk: {directory: "${policies}", watchForChanges: false}}
audit: {enabled: false}
telemetry: {disabled: true}
`;
}

/** Resolves when it serves. Rejects when the binary is not there or ends. */
export async function startCerbos(policy: string): Promise<CerbosServer> {
  const folder = mkdtempSync(join(tmpdir(), 'cerbos-'));
  const policies = join(folder, 'policies');
  mkdirSync(policies);
  writeFileSync(join(policies, 'policy.yaml'), policy);
  const [http, grpc] = [await freePort(), await freePort()];
  const file = join(folder, 'cerbos.yaml');
  writeFileSync(file, configuration(http, grpc, policies));
  const binary = createRequire(import.meta.url).resolve('@cerbos/cerbos-linux-x64');
  // At `info` it writes two lines for each request, at `error` two for each that the load's end cuts off.
  const child = spawn(binary, ['server', `--config=${file}`, '--log-level=warn'], {
    env: { CERBOS_NO_TELEMETRY: '1' },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  await answers(`http://127.0.0.1:${http}/_cerbos/health`, () => child.exitCode);
  return {
    url: `http://127.0.0.1:${http}/api/check/resources`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const START_MS_MAX = 20_000;

async function answers(url: string, exitCode: () => number | null): Promise<void> {
  for (const startedAt = performance.now(); performance.now() - startedAt < START_MS_MAX;) {
    const code = exitCode();
    if (code !== null) throw new Error(`Cerbos ended at its start with ${code}; started by hand it says why`);
    const isUp = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    await delay(50);
  }
  throw new Error(`Cerbos does not answer within ${START_MS_MAX} ms`);
}
