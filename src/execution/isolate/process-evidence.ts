/** What the kernel says of a process, read from outside: nothing here is the process's own word. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';

const namespaceNames = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'] as const;
export type NamespaceName = (typeof namespaceNames)[number];

export interface ProcessEvidence {
  /** Fields of proc_pid_status(5) by name, trimmed. */
  readonly status: ReadonlyMap<string, string>;
  /** Namespaces that are not this process's own. */
  readonly ownNamespaces: ReadonlySet<NamespaceName>;
  /** Whether its root is mounted read-only. */
  readonly isRootReadOnly: boolean;
  /** Whether its root holds the host's users. */
  readonly hasPasswords: boolean;
  /** Hard limits of proc_pid_limits(5) by name: a number or `unlimited`. */
  readonly hardLimits: ReadonlyMap<string, string>;
}

/** Null where it cannot be seen: no /proc, another machine, or no right to look. */
export function readEvidence(pid: number | null): ProcessEvidence | null {
  if (pid === null) return null;
  const folder = `/proc/${pid}`;
  try {
    const isOwn = (name: NamespaceName): boolean =>
      readlinkSync(`${folder}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`);
    return {
      status: new Map(pairs(readFileSync(`${folder}/status`, 'utf8'), /^(\w+):\s*(.*)$/gm)),
      ownNamespaces: new Set(namespaceNames.filter(isOwn)),
      // proc_pid_mountinfo(5): the fifth field is the mount point, the sixth its options.
      isRootReadOnly: /^(?:\S+ ){4}\/ ro[, ]/m.test(readFileSync(`${folder}/mountinfo`, 'utf8')),
      hasPasswords: existsSync(`${folder}/root/etc/passwd`),
      hardLimits: new Map(
        pairs(readFileSync(`${folder}/limits`, 'utf8'), /^(Max [a-z ]+?) {2,}\S+ +(\S+)/gm),
      ),
    };
  } catch {
    return null;
  }
}

function pairs(text: string, pattern: RegExp): [string, string][] {
  return [...text.matchAll(pattern)].map(([, name = '', value = '']) => [name, value]);
}
