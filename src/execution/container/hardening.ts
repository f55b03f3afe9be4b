/**
 * How hardened a container under an engine runtime is, seen from inside: what tools such as amicontained, deepce and CDK
 * look for, each tried by a script. The container is one as calls get it; what it prints is read as numbers of
 * checks and no more. No check changes anything where it does not hold.
 */
import type { EngineRuntime } from '../../model/tool.ts';
import type { ContainerExecutor } from './container-executor.ts';
import { runProbe } from './probe.ts';

export interface Hardening {
  /** Checks that held, in the order in which they are made. */
  readonly held: readonly string[];
  readonly open: readonly string[];
}

interface HardeningCheck {
  readonly id: string;
  /** Shell; succeeds where it held. */
  readonly holds: string;
  /** Missing: under each. */
  readonly only?: EngineRuntime;
}

const checks: readonly HardeningCheck[] = [
  { id: 'user 65534', holds: '[ "$(id -u):$(id -g)" = 65534:65534 ]' },
  { id: 'no capabilities', holds: `status CapEff '0*' && status CapPrm '0*' && status CapInh '0*'` },
  { id: 'no capabilities to gain', holds: `status CapBnd '0*'` },
  { id: 'no_new_privs', holds: 'status NoNewPrivs 1', only: 'runc' },
  { id: 'seccomp filter', holds: 'status Seccomp 2', only: 'runc' },
  { id: 'a kernel of its own', holds: 'dmesg | grep -qi gvisor', only: 'runsc' },
  { id: 'no kernel log', holds: '! dmesg', only: 'runc' },
  { id: 'read-only root', holds: '! touch /hardening && ! touch /etc/hardening' },
  { id: 'no programs from /work', holds: 'cp /bin/true /work/true && ! /work/true' },
  { id: 'no programs from /tmp', holds: 'cp /bin/true /tmp/true && ! /tmp/true' },
  { id: 'no network', holds: `[ -z "$(ls /sys/class/net 2>/dev/null | grep -v '^lo$')" ]` },
  { id: 'no metadata service', holds: `! timeout 2 bash -c '</dev/tcp/169.254.169.254/80'` },
  { id: 'no raw sockets', holds: refused('2, 3, 1') },
  { id: 'no packet sockets', holds: refused('17, 3, 768') },
  { id: 'no AF_ALG', holds: refused('38, 5, 0') },
  { id: 'no AF_VSOCK', holds: refused('40, 1, 0') },
  { id: 'no user namespaces', holds: '! unshare --user true' },
  {
    id: 'no other namespaces',
    holds: '! unshare --mount true && ! unshare --pid true && ! unshare --net true',
  },
  { id: 'no mounts', holds: '! mount -t tmpfs none /tmp' },
  // Not by find: of a file that is mounted in, a folder tells another type.
  {
    id: 'no engine socket',
    holds:
      'for socket in /*.sock /run/*.sock /run/*/*.sock /tmp/*.sock; do [ ! -S "$socket" ] || exit 1; done',
  },
  { id: 'no block devices', holds: '[ -z "$(find /dev -type b)" ]' },
  {
    id: 'no host devices',
    holds: 'for device in mem kmsg fuse kvm; do ! (exec 3</dev/$device) || exit 1; done',
  },
  { id: 'no processes of others', holds: `[ "$(ls /proc | grep -c '^[0-9]')" -le 12 ]` },
  { id: 'no look into process 1', holds: '! head -c 1 /proc/1/mem && ! head -c 1 /proc/1/environ' },
  { id: 'no kernel memory', holds: `[ -z "$(head -c 1 /proc/kcore 2>/dev/null | tr -d '\\0')" ]` },
  { id: 'no kernel keyrings', holds: '[ -z "$(cat /proc/keys 2>/dev/null)" ]' },
  {
    id: 'no kernel settings',
    holds: '! (exec 3>>/proc/sys/kernel/core_pattern) && ! (exec 3>>/proc/sysrq-trigger)',
  },
  { id: 'no cgroup settings', holds: '[ -z "$(find /sys/fs/cgroup -writable 2>/dev/null | head -n 1)" ]' },
  { id: 'no core dumps', holds: '[ "$(ulimit -Hc)" = 0 ]' },
  { id: 'few open files', holds: '[ "$(ulimit -Hn)" -le 1024 ]' },
  {
    id: 'no files of others in memory',
    holds: '[ -z "$(find /dev/shm /tmp -mindepth 1 ! -user "$(id -u)" 2>/dev/null)" ]',
  },
];

/** A socket of these three numbers is refused; perl is in every Debian. */
function refused(socket: string): string {
  return `! perl -e 'exit !socket(my $s, ${socket})'`;
}

/** Prints the number of each check that held. */
export function hardeningScript(engineRuntime: EngineRuntime): string {
  const lines = checksOf(engineRuntime).map(
    ({ holds }, index) => `if ( ${holds} ) >/dev/null 2>&1; then echo ${index}; fi`,
  );
  const status = `status() { grep -Eq "^$1:[[:space:]]*$2\\$" /proc/self/status; }`;
  return [status, ...lines, 'true'].join('\n');
}

/** What a script printed, in names. */
export function readHardening(engineRuntime: EngineRuntime, printed: string): Hardening {
  const held = new Set(printed.split('\n').filter((line) => line !== ''));
  const ids = (isHeld: boolean): string[] =>
    checksOf(engineRuntime).flatMap(({ id }, index) => (held.has(String(index)) === isHeld ? [id] : []));
  return { held: ids(true), open: ids(false) };
}

/** Null when the container could not be started or did not come to its end. Takes some seconds. */
export async function examineHardening(
  executor: ContainerExecutor,
  engineRuntime: EngineRuntime,
): Promise<Hardening | null> {
  const { objection, printed } = await runProbe(executor, engineRuntime, hardeningScript(engineRuntime));
  return objection === null ? readHardening(engineRuntime, printed) : null;
}

function checksOf(engineRuntime: EngineRuntime): readonly HardeningCheck[] {
  return checks.filter(({ only = engineRuntime }) => only === engineRuntime);
}
