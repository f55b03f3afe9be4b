/**
 * The revisions that a runner holds: compiled from its own files, the last few of them, so that calls that were
 * decided under one keep it while the next one is taken up.
 */
import { compile } from './compile/compile.ts';
import type { CompileOptions } from './compile/compile.ts';
import type { PolicyProblem } from './problem.ts';
import type { Revision } from './revision.ts';

const heldMax = 3;
/** Compiling takes a core for a while; an api that asks for something else all the time gets no more than this. */
const compileIntervalMsMin = 1000;

export interface RecentRevisionsOptions extends CompileOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** The files do not compile now; what was held before stays. */
  readonly onBroken: (problems: readonly PolicyProblem[]) => void;
}

export class RecentRevisions {
  readonly #options: RecentRevisionsOptions;
  /** Oldest first. */
  readonly #held = new Map<string, Revision>();
  #latest: Revision;
  #compiling: Promise<void> | null = null;
  #compiledAtMs: number;

  constructor(first: Revision, options: RecentRevisionsOptions) {
    this.#options = options;
    this.#latest = first;
    this.#held.set(first.id, first);
    this.#compiledAtMs = options.now();
  }

  /** As the files were at the last look. */
  get latest(): Revision {
    return this.#latest;
  }

  get(id: string): Revision | null {
    return this.#held.get(id) ?? null;
  }

  /** Resolves with `wanted` when it is held, if need be after another look at the files; else with the latest one. */
  async hold(wanted: string): Promise<string> {
    if (this.#held.has(wanted)) return wanted;
    if (this.#options.now() - this.#compiledAtMs >= compileIntervalMsMin) {
      this.#compiling ??= this.#compile().finally(() => {
        this.#compiling = null;
      });
    }
    await this.#compiling;
    return this.#held.has(wanted) ? wanted : this.#latest.id;
  }

  async #compile(): Promise<void> {
    const compiled = await compile(this.#options);
    this.#compiledAtMs = this.#options.now();
    if (!compiled.ok) return this.#options.onBroken(compiled.problems);
    const { revision } = compiled;
    this.#latest = revision;
    this.#held.delete(revision.id);
    this.#held.set(revision.id, revision);
    const [oldest] = this.#held.keys();
    if (this.#held.size > heldMax && oldest !== undefined) this.#held.delete(oldest);
  }
}
