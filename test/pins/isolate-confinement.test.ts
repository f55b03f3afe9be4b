/** The walls around isolate workers, word by word. A change here is a change of the wall: say why in the commit. */
import { expect, test } from 'vitest';
import { bwrapArguments } from '../../src/execution/isolate/confine-bwrap.ts';
import { nodeArguments } from '../../src/execution/isolate/confinement.ts';
import { droppedPrivileges, resourceLimits } from '../../src/execution/isolate/util-linux.ts';

test('what bubblewrap is told', () => {
  expect(bwrapArguments(['/node', '/worker'], true).join(' ')).toBe(
    '--unshare-all --unshare-user --disable-userns --hostname isolate ' +
      '--uid 65534 --gid 65534 --cap-drop ALL --clearenv ' +
      '--die-with-parent --new-session --as-pid-1 --seccomp 4 ' +
      '--ro-bind-try /node /node --ro-bind-try /worker /worker --remount-ro / --chdir / --',
  );
});

test('what Node is told', () => {
  const program = { entry: '/worker/worker.ts', args: ['/addon.node'], readable: ['/worker', '/addon.node'] };
  expect(nodeArguments(program).join(' ')).toBe(
    '--permission --allow-addons --allow-fs-read=/worker --allow-fs-read=/addon.node --no-warnings ' +
      '--single-threaded --v8-pool-size=0 --disable-sigusr1 --max-old-space-size=256 /worker/worker.ts /addon.node',
  );
});

test.runIf(process.platform === 'linux')('which resource limits there are', () => {
  expect(resourceLimits({ isMemoryLimited: true, hasOwnUser: false }).prefix.join(' ')).toBe(
    '/usr/bin/prlimit --core=0 --fsize=0 --nofile=64 --',
  );
  expect(resourceLimits({ isMemoryLimited: false, hasOwnUser: true }).prefix.join(' ')).toBe(
    '/usr/bin/prlimit --core=0 --fsize=0 --nofile=64 --data=4294967296 --nproc=4096 --',
  );
});

test.runIf(process.getuid?.() === 0)('which privileges root gives up', () => {
  expect(droppedPrivileges('nobody').prefix.join(' ')).toBe(
    '/usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all ' +
      '--no-new-privs --pdeathsig KILL --',
  );
});
