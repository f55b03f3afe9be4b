/** Proof that a container under an engine runtime holds here: a script inside tries what must not work. */
import type { EngineRuntime } from '../../model/tool.ts';
import type { ContainerExecutor } from './container-executor.ts';
import { runProbe } from './probe.ts';

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
  const { objection, printed } = await runProbe(executor, engineRuntime, attemptsOf[engineRuntime]);
  if (objection !== null) return objection;
  return printed === '' ? null : `a container ${printed.trimEnd().replaceAll('\n', ', ')}`;
}
