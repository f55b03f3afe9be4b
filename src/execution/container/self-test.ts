/** Proof that a container under an engine runtime holds here: a script inside tries what must not work. */
import { randomUUID } from 'node:crypto';

import type { ContainerProfile, SandboxRequest } from '../executor.ts';
import type { EngineRuntime } from '../../model/tool.ts';
import type { Limits } from '../../model/limits.ts';
import type { ContainerExecutor } from './container-executor.ts';

const limits: Limits = {
  timeoutMs: 10_000,
  memoryMiB: 64,
  cpus: 1,
  pids: 32,
  outputBytes: 1024,
  logBytes: 4096,
  artifactBytes: 1024,
  hostCalls: 0,
};

/** Prints what it could do though it must not, a line each; nothing is good. */
const attempts = `
status() { grep -Eq "^$1:[[:space:]]*$2\\$" /proc/self/status; }
[ "$(id -u):$(id -g)" = 65534:65534 ] || echo 'runs as another user than 65534'
status CapEff '0*' || echo 'has capabilities'
touch /sallyport-probe 2>/dev/null && echo 'wrote to its root'
[ -z "$(ls /sys/class/net 2>/dev/null | grep -v '^lo$')" ] || echo 'has a network'
`;
/** The kernel's own word. gVisor has no such fields: there the filter is around the whole of it. */
const attemptsOf: Readonly<Record<EngineRuntime, string>> = {
  runc: `${attempts}
status NoNewPrivs 1 || echo 'may gain privileges'
status Seccomp 2 || echo 'has no seccomp filter'
unshare --user true 2>/dev/null && echo 'made a user namespace'
true`,
  runsc: `${attempts}
dmesg | grep -qi gvisor || echo 'does not run in gVisor'
true`,
};

/** Why tools must not be run under this runtime here; null when it passed. Takes about a second. */
export async function containerObjection(
  executor: ContainerExecutor,
  engineRuntime: EngineRuntime,
): Promise<string | null> {
  let breaches = '';
  try {
    for await (const frame of executor.run(requestFor(engineRuntime), new AbortController().signal)) {
      if (frame.type === 'stdout') breaches += Buffer.from(frame.data).toString('utf8');
      if (frame.type === 'exit' && frame.reason !== 'completed')
        return `the self-test ended as ${frame.reason}: ${frame.error?.message ?? 'no word why'}`;
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return breaches === '' ? null : `a container ${breaches.trimEnd().replaceAll('\n', ', ')}`;
}

function requestFor(engineRuntime: EngineRuntime): SandboxRequest {
  const profile: ContainerProfile = {
    kind: 'container',
    tool: 'self_test',
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
    args: Buffer.from(JSON.stringify({ script: attemptsOf[engineRuntime] })),
    profile,
  };
}
