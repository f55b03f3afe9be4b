/** Refuses a callId that the runner has seen, in bounded memory. */

/** Ids remembered exactly. Older ones are refused by their age alone. */
const rememberedMax = 100_000;

/**
 * Call ids are ULIDs, so they sort by time. Once the memory is full the smallest ids are forgotten, and from
 * then on everything at or below the largest forgotten id counts as seen: a replay can never pass.
 */
export class SeenCalls {
  readonly #max: number;
  #recent = new Set<string>();
  #previous = new Set<string>();
  #floor = '';

  constructor(max: number = rememberedMax) {
    this.#max = max;
  }

  /** True the first time for an id, false for a repeated or too old one. */
  add(callId: string): boolean {
    if (callId <= this.#floor || this.#recent.has(callId) || this.#previous.has(callId)) return false;
    this.#recent.add(callId);
    if (this.#recent.size >= this.#max / 2) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    for (const id of this.#previous) if (id > this.#floor) this.#floor = id;
    this.#previous = this.#recent;
    this.#recent = new Set();
  }
}
