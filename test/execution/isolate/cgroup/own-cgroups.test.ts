import { expect, test } from 'vitest';
import { findOwnCgroups } from '../../../../src/execution/isolate/cgroup/own-cgroups.ts';

const versionOne = `35 25 0:30 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
36 25 0:31 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
37 25 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
38 25 0:33 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;
const versionTwo =
  '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';

test('version 1: each controller has a hierarchy of its own', () => {
  const cgroup = '5:pids:/\n4:memory:/agents/one\n1:cpu,cpuacct:/\n0::/\n';
  expect(findOwnCgroups({ cgroup, mountinfo: versionOne })).toEqual({
    memory: { version: 1, folder: '/sys/fs/cgroup/memory/agents/one' },
    pids: { version: 1, folder: '/sys/fs/cgroup/pids' },
    cpu: { version: 1, folder: '/sys/fs/cgroup/cpu,cpuacct' },
  });
});

test('version 2: one hierarchy for all', () => {
  const place = { version: 2, folder: '/sys/fs/cgroup/system.slice/sallyport.service' };
  expect(findOwnCgroups({ cgroup: '0::/system.slice/sallyport.service\n', mountinfo: versionTwo })).toEqual({
    memory: place,
    pids: place,
    cpu: place,
  });
});

test('in a container the mount begins at the container', () => {
  const mountinfo = '900 880 0:30 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup memory rw,memory\n';
  expect(findOwnCgroups({ cgroup: '4:memory:/docker/abc/x\n', mountinfo }).memory).toEqual({
    version: 1,
    folder: '/sys/fs/cgroup/memory/x',
  });
});

test('folders with spaces are found', () => {
  const mountinfo = '30 23 0:26 / /my\\040cgroups rw - cgroup2 cgroup2 rw\n';
  expect(findOwnCgroups({ cgroup: '0::/a b\n', mountinfo }).memory).toEqual({
    version: 2,
    folder: '/my cgroups/a b',
  });
});

test.each([
  ['0::/../elsewhere\n', versionTwo, "this process's memory cgroup lies outside of what is mounted"],
  ['4:memory:/\n', versionTwo, 'the cgroup hierarchy of memory is not mounted'],
  ['', versionTwo, 'the kernel has no memory cgroups'],
  ['', '', 'the kernel has no memory cgroups'],
  ['nonsense\n\n:::\n', 'nonsense - \n', 'the kernel has no memory cgroups'],
])('what cannot be found is said (%#)', (cgroup, mountinfo, reason) => {
  expect(findOwnCgroups({ cgroup, mountinfo }).memory).toBe(reason);
});
