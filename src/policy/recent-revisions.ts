/**
 * The revisions that a runner holds: compiled from its own files, now or at some earlier time, the last few of them, so
 * that calls that were decided under one keep it while the next one is taken up.
 */
import type { Image, Tool } from '../model/tool.ts';
import type { CompiledData, CompileJob, RevisionData } from './compile/compile-job.ts';
import type { PolicyProblem } from './problem.ts';
import type { RevisionStore } from './revision-store.ts';

const heldMax = 3;

/** What running needs of a revision. */
export interface HeldRevision {
  readonly id: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly images: ReadonlyMap<string, Image>;
}

type Compile = (job: CompileJob) => Promise<CompiledData>;

export interface RecentRevisionsOptions {
  readonly directories: readonly string[];
  readonly knownDetectors: readonly string[];
  /** Off this thread, on which calls run. */
  readonly compile: Compile;
  readonly store: Pick<RevisionStore, 'get' | 'put'>;
  /** What tells one state of the files from another. Who asks for something else all the time makes nothing compile twice. */
  readonly scan: () => Promise<string>;
  /** The files do not compile now; what was held before stays. */
  readonly onBroken: (problems: readonly PolicyProblem[]) => void;
  /** A revision could not be kept for later or be read again, or the compiler died; what was held before stays. */
  readonly onFailed: (error: unknown) => void;
}

export class RecentRevisions {
  readonly #options: RecentRevisionsOptions;
  /** Oldest use first. */
  readonly #held = new Map<string, HeldRevision>();
  #latest = '';
  /** One after the other: two compilations at once would take the cores from the calls. */
  #work: Promise<unknown> = Promise.resolve();
  /** As they were when they were compiled last. */
  #files: string | null = null;

  constructor(options: RecentRevisionsOptions) {
    this.#options = options;
  }

  /** Every tool of every revision held: a sandbox that is prepared ahead must fit them all. */
  get tools(): readonly Tool[] {
    return [...this.#held.values()].flatMap(({ tools }) => [...tools.values()]);
  }

  /** What the files compiled to last; null when they never did. */
  get latest(): HeldRevision | null {
    return this.get(this.#latest);
  }

  get(id: string): HeldRevision | null {
    return this.#held.get(id) ?? null;
  }

  /** Compiles the files, unless they are as they were. */
  refresh(compile: Compile = this.#options.compile): Promise<void> {
    return this.#inTurn(() => this.#compileFiles(compile));
  }

  /** Takes what the files compiled to; resolves once it is kept for later. */
  async #take(revision: RevisionData): Promise<void> {
    this.#latest = revision.id;
    this.#hold(heldOf(revision));
    try {
      await this.#options.store.put(revision.id, revision.content);
    } catch (error) {
      this.#options.onFailed(error);
    }
  }

  /**
   * Resolves with `wanted` when it is held, if need be from the store or after another look at the files; else with
   * what the files compiled to last, empty when they never did.
   */
  hold(wanted: string): Promise<string> {
    return this.#inTurn(async () => {
      if (!this.#use(wanted) && !(await this.#restore(wanted)))
        await this.#compileFiles(this.#options.compile);
      return this.#use(wanted) ? wanted : this.#latest;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #use(id: string): boolean {
    const revision = this.#held.get(id);
    if (revision !== undefined) this.#hold(revision);
    return revision !== undefined;
  }

  #hold({ id, tools, images }: HeldRevision): void {
    this.#held.delete(id);
    this.#held.set(id, { id, tools, images });
    const [oldest] = this.#held.keys();
    if (this.#held.size > heldMax && oldest !== undefined) this.#held.delete(oldest);
  }

  async #restore(id: string): Promise<boolean> {
    const { store, compile, knownDetectors, onFailed } = this.#options;
    try {
      const content = await store.get(id);
      if (content === null) return false;
      const compiled = await compile({ from: 'content', id, content, knownDetectors, isForDeciding: false });
      if (compiled.ok) this.#hold(heldOf(compiled));
      return compiled.ok;
    } catch (error) {
      onFailed(error);
      return false;
    }
  }

  async #compileFiles(compile: Compile): Promise<void> {
    const { directories, knownDetectors, scan, onBroken, onFailed } = this.#options;
    const job = { from: 'directories', directories, knownDetectors, isForDeciding: false } as const;
    try {
      const files = await scan();
      if (files === this.#files) return;
      const compiled = await compile(job);
      if (compiled.ok) await this.#take(compiled);
      else onBroken(compiled.problems);
      this.#files = files;
    } catch (error) {
      onFailed(error);
    }
  }
}

function heldOf({ id, tools, images }: RevisionData): HeldRevision {
  return {
    id,
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    images: new Map(images.map((image) => [image.name, image])),
  };
}
