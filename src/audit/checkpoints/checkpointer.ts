/** Signs where the chains stand: at start, every so often while events come in, and at the end. */
import { RecordUnavailable } from '../record.ts';
import { isHex, parseStatement, signStatement, statementJson } from './statement.ts';
import type { RecordStore } from '../record.ts';
import type { Anchor } from './anchors.ts';
import type { SigningKey } from './signing-key.ts';
import type { SignedStatement } from './statement.ts';

/** So many events are not left without a checkpoint, whatever the time. */
const eventsMax = 10_000;

/** Among so many of the latest checkpoints is one of this writer, however many others there are. */
const ownAmongMax = 1_000;

/** How often it is looked whether one is due, milliseconds. */
const lookEveryMs = 1_000;

export interface CheckpointerOptions {
  readonly record: Pick<RecordStore, 'write' | 'heads' | 'listEvents'>;
  /** The chain in which the checkpoints stand. */
  readonly writer: string;
  readonly key: SigningKey;
  /** Signs the hand-over when the last checkpoint is its own. */
  readonly previousKey: SigningKey | null;
  readonly anchors: readonly Anchor[];
  readonly everyMs: number;
  readonly clock: { now(): number };
  readonly logger: Record<'warn' | 'error', (fields: object, message: string) => void>;
}

export class Checkpointer implements AsyncDisposable {
  readonly #options: CheckpointerOptions;
  #signedSequence = -1;
  #signedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;

  private constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Hands the chain over to a new key where there is one, and signs. Rejects with `RecordUnavailable`. */
  static async start(options: CheckpointerOptions): Promise<Checkpointer> {
    const checkpointer = new Checkpointer(options);
    await checkpointer.#handOver();
    await checkpointer.checkpoint();
    const look = (): void => {
      checkpointer.#looking ??= checkpointer.#look().finally(() => (checkpointer.#looking = null));
    };
    checkpointer.#timer = setInterval(look, Math.min(lookEveryMs, options.everyMs)).unref();
    return checkpointer;
  }

  /** Signs if there are events that no checkpoint covers, and enough of them or for long enough. */
  async checkpointIfDue(): Promise<boolean> {
    const fresh = (await this.#ownSequence()) - this.#signedSequence;
    const ageMs = this.#options.clock.now() - this.#signedAtMs;
    // A negative age means that the clock went back: rather one too many.
    const isDue = fresh > 0 && (fresh >= eventsMax || ageMs < 0 || ageMs >= this.#options.everyMs);
    if (isDue) await this.checkpoint();
    return isDue;
  }

  /** Durable in the record when it resolves; anchors that fail are logged. */
  async checkpoint(): Promise<void> {
    await this.#sign('checkpoint', this.#options.key);
  }

  /** Signs what came since, so that an orderly end leaves nothing uncovered but the checkpoint itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#looking;
    if ((await this.#ownSequence()) > this.#signedSequence) await this.checkpoint();
  }

  async #look(): Promise<void> {
    try {
      await this.checkpointIfDue();
    } catch (error) {
      const isExpected = error instanceof RecordUnavailable;
      this.#options.logger[isExpected ? 'warn' : 'error']({ err: error }, 'no checkpoint was signed');
    }
  }

  async #handOver(): Promise<void> {
    const { key, previousKey, logger } = this.#options;
    const last = await this.#lastKey();
    if (last === null || last === key.publicKey) return;
    if (last === previousKey?.publicKey) return this.#sign('chain_key_rotated', previousKey, key.publicKey);
    logger.error(
      { lastKey: last, key: key.publicKey },
      'the signing key changed without a hand-over: verification will say so; set SALLYPORT_AUDIT_SIGNING_KEY to the new and the old key',
    );
  }

  /** The key that this chain expects the next signature from. */
  async #lastKey(): Promise<string | null> {
    const { record, writer } = this.#options;
    const pages = await Promise.all(
      (['checkpoint', 'chain_key_rotated'] as const).map((type) =>
        record.listEvents({ tenant: null, type, limit: ownAmongMax, order: 'desc' }),
      ),
    );
    const last = pages
      .flatMap(({ items }) => items.find((event) => event.writer === writer) ?? [])
      .toSorted((a, b) => a.sequence - b.sequence)
      .at(-1);
    const statement = parseStatement(last?.details)?.statement;
    const key = statement?.nextKey ?? statement?.key;
    return isHex(key, 64) ? key : null;
  }

  async #sign(type: 'checkpoint' | 'chain_key_rotated', key: SigningKey, nextKey?: string): Promise<void> {
    const { record, writer, clock } = this.#options;
    const nowMs = clock.now();
    const heads = await record.heads();
    const time = new Date(nowMs).toISOString();
    const signed = signStatement({ heads, time, ...(nextKey !== undefined && { nextKey }) }, key);
    await record.write({ events: [{ type, details: statementJson(signed) }] });
    // The event that holds the statement needs no statement of its own.
    this.#signedSequence = (heads.find((head) => head.writer === writer)?.sequence ?? 0) + 1;
    this.#signedAtMs = nowMs;
    await this.#note(signed);
  }

  async #note(signed: SignedStatement): Promise<void> {
    const { anchors, logger } = this.#options;
    const results = await Promise.allSettled(anchors.map((anchor) => anchor.note(signed)));
    for (const [index, result] of results.entries())
      if (result.status === 'rejected')
        logger.error(
          { err: result.reason as unknown, anchor: anchors[index]?.name },
          'checkpoint not anchored',
        );
  }

  async #ownSequence(): Promise<number> {
    const { record, writer } = this.#options;
    const heads = await record.heads();
    return heads.find((head) => head.writer === writer)?.sequence ?? 0;
  }
}
