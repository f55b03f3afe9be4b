/**
 * The folder that holds the cgroups of this runner's workers: in this process's own cgroup, or beside it where that is
 * what was given away. Nothing is taken that belongs to others.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { CgroupPlace, Controller } from './own-cgroups.ts';
import { groupNameOf, membersOf, sweepGroups } from './remove-cgroups.ts';

/** In version 2 a cgroup with children holds no processes itself: this server's own then go into this child. */
const serverGroup = 'sallyport-server';
/** Executors of one process; each has a group of its own. */
const groupsMax = 1000;

/** Sweeps what earlier runners left, then makes a group. Throws with the reason when there can be none. */
export function makeGroup({ folder, version }: CgroupPlace, controllers: readonly Controller[]): string {
  if (version === 1) return makeIn(folder);
  const bases = [folder, dirname(folder)];
  // A runner that was started again stands where the one before it moved its server.
  if (basename(folder) === serverGroup) bases.reverse();
  const objections: string[] = [];
  for (const base of bases) {
    try {
      allowChildren(base, controllers, base === folder);
      const group = makeIn(base);
      enable(group, controllers);
      return group;
    } catch (error) {
      objections.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(objections.join('; '));
}

function makeIn(base: string): string {
  sweepGroups(base);
  const name = groupNameOf(process.pid);
  for (let index = 0; index < groupsMax; index += 1) {
    const group = join(base, `${name}-${index}`);
    if (existsSync(group)) continue;
    makeFolder(group);
    return group;
  }
  throw new Error(`${base} holds ${groupsMax} groups of this process already`);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new Error(`no cgroup can be made in ${dirname(folder)} (${code})`, { cause: error });
  }
}

/** Version 2: children of `base` get the controllers. */
function allowChildren(base: string, controllers: readonly Controller[], mayMove: boolean): void {
  const given = wordsOf(join(base, 'cgroup.controllers'));
  const withheld = controllers.find((controller) => !given.includes(controller));
  if (withheld !== undefined) throw new Error(`the ${withheld} controller is not given to ${base}`);
  const enabled = wordsOf(join(base, 'cgroup.subtree_control'));
  const wanted = controllers.filter((controller) => !enabled.includes(controller));
  if (wanted.length === 0) return;
  try {
    enable(base, wanted);
  } catch (error) {
    if (!mayMove || (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    moveServer(base);
    enable(base, wanted);
  }
}

function enable(folder: string, controllers: readonly Controller[]): void {
  const words = controllers.map((controller) => `+${controller}`).join(' ');
  writeFileSync(join(folder, 'cgroup.subtree_control'), words);
}

/** Moves the processes of `base` into a child of it, if all of them are this server's. */
function moveServer(base: string): void {
  const members = membersOf(base);
  const strangers = members.filter((pid) => !isOfThisServer(pid));
  if (strangers.length > 0)
    throw new Error(
      `${base} holds other processes (${strangers.join(', ')}); run the server in a cgroup of its own`,
    );
  const child = join(base, serverGroup);
  if (!existsSync(child)) makeFolder(child);
  for (const pid of members) writeFileSync(join(child, 'cgroup.procs'), String(pid));
}

/** This process, its parent (the api), or a child of either. */
function isOfThisServer(pid: number): boolean {
  const family = new Set([process.pid, process.ppid]);
  if (family.has(pid)) return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return family.has(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  } catch {
    return false;
  }
}

function wordsOf(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split(' ');
}
