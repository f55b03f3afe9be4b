/** Whether this process may make a cgroup with a memory limit: it makes one, and takes it away again. */
import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { reasonOf } from '../reason-of.ts';
import { ok, warning } from './report.ts';
import type { Check } from './report.ts';

const root = '/sys/fs/cgroup';
const probeBytes = 64 * 1024 ** 2;

export async function checkCgroups(): Promise<Check> {
  if (process.platform !== 'linux') return ok('cgroups', 'those of the engine’s own machine');
  const isUnified = existsSync(`${root}/cgroup.controllers`);
  const version = isUnified ? 'version 2' : 'version 1';
  const folder = `${isUnified ? root : `${root}/memory`}/sallyport-doctor-${process.pid}`;
  const limit = isUnified ? 'memory.max' : 'memory.limit_in_bytes';
  try {
    await mkdir(folder);
    try {
      await writeFile(`${folder}/${limit}`, String(probeBytes));
    } finally {
      await rmdir(folder);
    }
    return ok('cgroups', `${version}, memory limits can be set`);
  } catch (error) {
    return warning(
      'cgroups',
      `${version}, no memory limit can be set here: ${reasonOf(error)}`,
      'run the server as root with /sys/fs/cgroup writable, or delegate a cgroup to it (systemd: Delegate=yes)',
    );
  }
}
