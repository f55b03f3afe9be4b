/** Cgroups for workers, one each. Where none can be had, `objections` says why. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { CpuTurn } from '../../cpu-weights.ts';
import { makeGroup } from './make-group.ts';
import { makeCpuGroup } from './cpu-group.ts';
import type { CpuGroup } from './cpu-group.ts';
import { findOwnCgroups, readCgroupSources } from './own-cgroups.ts';
import type { CgroupSources, Controller } from './own-cgroups.ts';
import { membersOf, removeCgroup, removeIfEmpty } from './remove-cgroups.ts';
import { CgroupMemory, prepareFolders } from './worker-cgroup.ts';

/** Threads and processes of one worker, bubblewrap included: about 12, and a few more for each core. */
export const tasksMax = 64 + availableParallelism();

export interface WorkerCgroup {
  /** Files that a process writes `0` to, to join. */
  readonly joinFiles: readonly string[];
  /** Null without the memory controller. */
  readonly memory: CgroupMemory | null;
  /** Whether this process is in it and the number of tasks is limited, as the kernel has it. */
  readonly hasTaskLimit: (pid: number | null) => boolean;
  /** Its weight for the processor: whether its call has run for long. Does nothing without that controller. */
  readonly weigh: (turn: CpuTurn) => void;
  /** Ends whatever is left inside, then removes it. */
  readonly remove: () => void;
}

/** Without one of these a guest may take more than it should; the share of the processor is a matter of manners. */
type Limiting = Exclude<Controller, 'cpu'>;

interface Groups {
  readonly cpu: CpuGroup | null;
  readonly version: 1 | 2;
  readonly memory: string | null;
  readonly pids: string | null;
}

export class WorkerCgroups implements AsyncDisposable {
  /** Why a controller cannot be had; null when it can. */
  readonly objections: Readonly<Record<Limiting, string | null>>;
  readonly #groups: Groups;
  readonly #removals = new Set<Promise<unknown>>();
  #created = 0;

  private constructor(groups: Groups, objections: Record<Limiting, string | null>) {
    this.#groups = groups;
    this.objections = objections;
  }

  /** Looks, tries, and sweeps what earlier runners left. Never throws. `sources`: null where the kernel has no cgroups. */
  static open(sources: CgroupSources | null = readCgroupSources()): WorkerCgroups {
    const none = 'this system has no cgroups';
    const own = sources === null ? { memory: none, pids: none, cpu: none } : findOwnCgroups(sources);
    const objections: Record<Limiting, string | null> = { memory: null, pids: null };
    const group = (controller: Limiting, ...more: readonly Limiting[]): string | null => {
      const place = own[controller];
      try {
        if (typeof place === 'string') throw new Error(place);
        return makeGroup(place, [controller, ...more]);
      } catch (error) {
        for (const name of [controller, ...more])
          objections[name] = error instanceof Error ? error.message : String(error);
        return null;
      }
    };
    const version = typeof own.memory === 'string' ? 2 : own.memory.version;
    // In version 2 both controllers are of one hierarchy, and the group is the same.
    const memory = version === 2 ? group('memory', 'pids') : group('memory');
    const pids = version === 2 ? memory : group('pids');
    const cpu = makeCpuGroup(own.cpu, memory);
    return new WorkerCgroups({ version, memory, pids, cpu }, objections);
  }

  /** A cgroup for one worker; null where no controller can be had. Throws when the kernel refuses what it allowed at first. */
  create(): WorkerCgroup | null {
    const { version, memory, pids, cpu } = this.#groups;
    if (memory === null && pids === null) return null;
    this.#created += 1;
    const name = `w${this.#created}`;
    const below = (group: string | null): string | null => group && join(group, name);
    const folders = { version, memory: below(memory), pids: below(pids), cpu: below(cpu?.folder ?? null) };
    const paths = [...new Set([folders.memory, folders.pids, folders.cpu])].filter(
      (folder) => folder !== null,
    );
    const remove = (): void => {
      cpu?.weights.forget(name);
      this.#remove(paths);
    };
    try {
      prepareFolders(folders, tasksMax);
      return {
        joinFiles: paths.map((folder) => join(folder, 'cgroup.procs')),
        weigh: (turn) => cpu?.weights.set(name, turn),
        memory: folders.memory === null ? null : new CgroupMemory(folders.memory, version),
        hasTaskLimit: (pid) =>
          folders.pids !== null &&
          pid !== null &&
          membersOf(folders.pids).includes(pid) &&
          readFileSync(join(folders.pids, 'pids.max'), 'utf8') === `${tasksMax}\n`,
        remove,
      };
    } catch (error) {
      remove();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#removals);
    const { memory, pids, cpu } = this.#groups;
    for (const group of [memory, pids, cpu?.folder ?? null]) if (group !== null) removeIfEmpty(group);
  }

  #remove(folders: readonly string[]): void {
    const removal = Promise.all(folders.map(removeCgroup));
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }
}
