/**
 * Commands that start another one on a host from which something was taken, for real and for it alone: in mount and
 * user namespaces of its own. They need root, as the reference machine has it.
 */
const inNamespaces = (namespaces: readonly string[], script: string): readonly string[] => [
  'unshare',
  ...namespaces,
  'sh',
  '-c',
  `set -e; ${script}; exec "$@"`,
  'sh',
];

/** /usr/bin/bwrap is there and cannot be run. */
export const withoutBubblewrap = inNamespaces(['--mount'], 'mount --bind /dev/null /usr/bin/bwrap');

/** No user namespace can be made. */
export const withoutUserNamespaces = inNamespaces(
  ['--user', '--map-root-user', '--mount'],
  'echo 0 >/proc/sys/user/max_user_namespaces',
);

/** All cgroup hierarchies are read-only. */
export const withoutCgroups = inNamespaces(
  ['--mount'],
  `awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts | while read -r folder; do mount -o remount,bind,ro "$folder"; done`,
);

/** An address where no engine is. */
export const nowhere = 'unix:///nonexistent/docker.sock';
