/** Refuses a callId that the runner has seen, in bounded memory. */
import { decodeTime } from 'ulid';

/** Ids remembered exactly; then as marks that may take a stranger for one of them, one in 200,000 times. */
const rememberedMax = 100_000;
/** Ids of one set of marks. There are two: an approval that waits for days still finds its call unmarked. */
const markedMax = 1_000_000;
const marksEach = 8;
const markBits = 2 ** 25;
/** An api's clock may be ahead of the runner's by so much, milliseconds. */
const aheadMsMax = 600_000;

const callIdPattern = /^call_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** How a callId looks; no other reaches the runner's memory. */
export function isCallId(text: string): boolean {
  return callIdPattern.test(text);
}

/** `ahead`: it is of a time to come. Remembered, it would in the end make every honest id look old. */
export type CallIdVerdict = 'new' | 'seen' | 'ahead';

export interface SeenCallsOptions {
  readonly rememberedMax?: number;
  readonly markedMax?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Call ids are ULIDs, so they sort by time. The newest are remembered exactly, older ones by marks, and what is older
 * than those counts as seen by its age alone: a replay can never pass.
 */
export class SeenCalls {
  readonly #options: Required<SeenCallsOptions>;
  #recent = new Set<string>();
  #previous = new Set<string>();
  #marks: Marks | null = null;
  #olderMarks: Marks | null = null;
  /** Largest id that is not remembered exactly any more; a larger one needs no look at the marks. */
  #forgotten = '';
  #floor = '';

  constructor(options: SeenCallsOptions = {}) {
    this.#options = { rememberedMax, markedMax, now: () => Date.now(), ...options };
  }

  /** `new` the first time for an id. Throws on what is no call id. */
  add(callId: string): CallIdVerdict {
    if (decodeTime(callId.slice('call_'.length)) > this.#options.now() + aheadMsMax) return 'ahead';
    if (callId <= this.#floor || this.#recent.has(callId) || this.#previous.has(callId)) return 'seen';
    if (callId <= this.#forgotten && this.#isMarked(callId)) return 'seen';
    this.#recent.add(callId);
    if (this.#recent.size >= this.#options.rememberedMax / 2) this.#forgetOldest();
    return 'new';
  }

  #isMarked(callId: string): boolean {
    return this.#marks?.has(callId) === true || this.#olderMarks?.has(callId) === true;
  }

  #forgetOldest(): void {
    for (const id of this.#previous) {
      if (this.#marks === null || this.#marks.count >= this.#options.markedMax) this.#turnOver();
      this.#marks?.add(id);
      if (id > this.#forgotten) this.#forgotten = id;
    }
    this.#previous = this.#recent;
    this.#recent = new Set();
  }

  #turnOver(): void {
    const { largest = '' } = this.#olderMarks ?? {};
    if (largest > this.#floor) this.#floor = largest;
    this.#olderMarks = this.#marks;
    this.#marks = new Marks();
  }
}

/** A Bloom filter: what was added is always found. */
class Marks {
  readonly #bits = new Uint8Array(markBits / 8);
  count = 0;
  largest = '';

  add(id: string): void {
    for (const bit of bitsOf(id)) this.#bits[bit >> 3] = (this.#bits[bit >> 3] ?? 0) | (1 << (bit & 7));
    this.count += 1;
    if (id > this.largest) this.largest = id;
  }

  has(id: string): boolean {
    return bitsOf(id).every((bit) => ((this.#bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
  }
}

/** Double hashing over two FNV-1a hashes. */
function bitsOf(id: string): number[] {
  const [first, second] = [fnv(id, 0x81_1c_9d_c5), fnv(id, 0x9e_37_79_b9) | 1];
  return Array.from(
    { length: marksEach },
    (_, index) => ((first + Math.imul(index, second)) >>> 0) % markBits,
  );
}

function fnv(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93);
  return hash ^ (hash >>> 15);
}
