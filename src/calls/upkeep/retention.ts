/** Removes what is past its time, a little at a time, and rewrites the files when that is due. Nothing of it was shown any more. */
import { ContentHeld } from '../../audit/erasure.ts';
import { RecordUnavailable } from '../../audit/record.ts';
import type { RecordStore } from '../../audit/record.ts';
import type { Clock } from '../call-context.ts';

/** Of each kind, in one transaction. */
const batchMax = 500;

/** Transactions of one look; more wait for the next. */
const batchesMax = 20;

const everyMs = 60_000;

/** Content that went by age is overwritten at once; that no copy of it is left in the file is seen to this often, milliseconds. */
const scrubEveryMs = 24 * 60 * 60 * 1000;

export interface RetentionOptions {
  readonly record: Pick<RecordStore, 'planPurge' | 'write' | 'scrubDue' | 'scrub'>;
  readonly clock: Clock;
  readonly logger: Record<'warn' | 'error', (fields: object, message: string) => void>;
}

export class Retention implements AsyncDisposable {
  readonly #options: RetentionOptions;
  readonly #timer: NodeJS.Timeout;
  #scrubbedAtMs: number;
  #looking: Promise<void> | null = null;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#scrubbedAtMs = options.clock.now();
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => (this.#looking = null));
    }, everyMs).unref();
  }

  /** How many pieces went. Rejects with `RecordUnavailable`. */
  async purge(): Promise<number> {
    let purged = 0;
    for (let batch = 0; batch < batchesMax; batch += 1) {
      const count = await this.#purgeBatch();
      if (count === 0) break;
      purged += count;
    }
    await this.#scrubIfDue();
    return purged;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #purgeBatch(): Promise<number> {
    const { record } = this.#options;
    const { places, callIds, sessionIds, artifacts, files, idempotency } = await record.planPurge(batchMax);
    const count = places.length + callIds.length + artifacts + files + idempotency;
    if (count === 0) return 0;
    const clears = places.length + callIds.length > 0;
    const counts = {
      contents: places.length,
      calls: callIds.length,
      artifacts,
      files,
      idempotencyKeys: idempotency,
    };
    await record.write({
      events: [{ type: 'purged', details: counts }],
      dropsExpired: true,
      ...(clears && { clearing: { places, callIds, calls: 'removed', sessionIds } }),
    });
    return count;
  }

  async #scrubIfDue(): Promise<void> {
    const { record, clock } = this.#options;
    const due = await record.scrubDue();
    const isTime = Math.abs(clock.now() - this.#scrubbedAtMs) >= scrubEveryMs;
    if (due === 'no' || (due === 'some_time' && !isTime)) return;
    await record.scrub();
    this.#scrubbedAtMs = clock.now();
  }

  async #look(): Promise<void> {
    try {
      await this.purge();
    } catch (error) {
      const isExpected = error instanceof RecordUnavailable || error instanceof ContentHeld;
      this.#options.logger[isExpected ? 'warn' : 'error']({ err: error }, 'the record was not purged');
    }
  }
}
