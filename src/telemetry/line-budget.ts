/** So many lines of one kind in a while; what is more is counted and told in one line, so that nobody fills a disk with the log. */

const kindsMax = 1000;

export interface LineBudgetOptions {
  readonly linesMax: number;
  readonly windowMs: number;
  /** Told when a while is over, how many lines of a kind it left out. */
  readonly onLeftOut: (kind: string, count: number) => void;
}

export class LineBudget {
  readonly #options: LineBudgetOptions;
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LineBudgetOptions) {
    this.#options = options;
  }

  /** Whether one more line of this kind may be written. */
  take(kind: string): boolean {
    this.#timer ??= setTimeout(() => this.settle(), this.#options.windowMs).unref();
    const isCounted = this.#counts.has(kind) || this.#counts.size < kindsMax;
    const counted = isCounted ? kind : 'others';
    const count = (this.#counts.get(counted) ?? 0) + 1;
    this.#counts.set(counted, count);
    return count <= this.#options.linesMax;
  }

  /** Ends the while: tells what it left out, and begins anew. */
  settle(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [kind, count] of counts) {
      if (count > this.#options.linesMax) this.#options.onLeftOut(kind, count - this.#options.linesMax);
    }
  }
}
