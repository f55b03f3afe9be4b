export interface Removal {
  /** Relative to the repository. */
  readonly file: string;
  /** Found exactly once in the file, and replaced: the guard is gone, and the file still parses. */
  readonly find: string;
  readonly replace: string;
}

/** One guard of the source, and which test goes red without it. */
export interface Guard extends Removal {
  /** What it holds off. */
  readonly guard: string;
  /** Where the same is held a second time: no test can tell one of them from both. */
  readonly also?: Removal;
  /** A test file, and a part of the name of its test that goes red. */
  readonly test: readonly [file: string, name: string];
}
