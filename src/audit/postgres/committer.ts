/**
 * The one that writes on PostgreSQL: many writes in one transaction, in the order of all nodes' commits. When one of
 * them is refused, all are written once more, each in a savepoint of its own.
 *
 * A commit whose answer was lost is neither repeated nor given up: what became of it stands in the head of the chain,
 * and is read there as soon as the database answers again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, isContradiction, rowsOf } from './connection.ts';
import { Refused } from './refused.ts';
import { storeWrites } from './store-writes.ts';
import { tell } from './news.ts';
import {
  claimWriter,
  closeSession,
  fenceSilentWriters,
  lockName,
  openWriterSession,
} from './writer-session.ts';
import type { ClaimOptions } from './writer-session.ts';
import type { News } from './news.ts';
import type { Session } from './connection.ts';
import type { Position } from './store-writes.ts';
import type { ChainHead } from '../chain.ts';
import type { Commit, SealedWrite, Stored, WriteFailure } from '../sealed-write.ts';

/** Between two attempts to learn what became of a commit, milliseconds. */
const firstDelayMs = 20;
const delayMsMax = 1_000;

/** Code of a failure: another node took this chain up, for this one had fallen silent. */
const fencedCode = 'SPFEN';

export interface CommitterOptions extends ClaimOptions {
  readonly url: string;
  /** Under which writer's name those keep what they have in common that serve together. */
  readonly home: string;
}

export class PostgresCommitter implements AsyncDisposable {
  readonly #options: CommitterOptions;
  readonly #closing = new AbortController();
  #session: Session | null = null;
  #epoch: number | null = null;
  /** The last event that is known to be durable. */
  #head: ChainHead | null = null;
  /** Days that have a partition. */
  readonly #days = new Set<string>();

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Connects, and takes the chain. Rejects with `RecordUnavailable`, or with the driver's error. */
  async open(): Promise<void> {
    await this.#connected();
  }

  get isConnected(): boolean {
    return this.#session !== null;
  }

  /** Durable when it resolves. Never rejects: what failed says so in its place. */
  async commit(writes: readonly SealedWrite[]): Promise<Commit> {
    try {
      return await this.#transaction(await this.#connected(), writes);
    } catch (error) {
      await this.#reset();
      const failure = writeFailure(error);
      return writes.map(() => failure);
    }
  }

  /** Says that this writer is alive, and fences those that are not. Rejects when it was fenced, or the database is away; the next commit then begins anew. */
  async beat(): Promise<void> {
    try {
      const session = await this.#connected();
      const seen = await rowsOf(
        session,
        'UPDATE writers SET seen_at = clock_timestamp() WHERE writer = $1 AND epoch = $2 RETURNING writer',
        [this.#options.writer, this.#epoch],
      );
      if (seen.length === 0) throw this.#fenced();
      await fenceSilentWriters(session, this.#options.writer);
    } catch (error) {
      await this.#reset();
      throw error;
    }
  }

  /** No commit waits any longer to learn what became of it. */
  giveUp(): void {
    this.#closing.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.giveUp();
    try {
      await this.#session?.query('UPDATE writers SET is_stopped = true WHERE writer = $1 AND epoch = $2', [
        this.#options.writer,
        this.#epoch,
      ]);
    } catch (error) {
      // Others then take it for dead after a while, which says the same.
      if (!(error instanceof Error)) throw error;
    } finally {
      await this.#reset();
    }
  }

  async #connected(): Promise<Session> {
    if (this.#session !== null) return this.#session;
    const { url, writer, countsAlone } = this.#options;
    const session = await openWriterSession(url, writer);
    try {
      if (this.#epoch === null) {
        await fenceSilentWriters(session, writer);
        const claim = await claimWriter(session, { writer, countsAlone });
        this.#epoch = claim.epoch;
        this.#head = laterOf(this.#head, claim);
      } else await lockName(session, writer);
      this.#session = session;
      session.on('end', () => {
        if (this.#session === session) this.#session = null;
      });
      return session;
    } catch (error) {
      await closeSession(session);
      throw error;
    }
  }

  /** Most transactions have nothing to take back, and marking the way back costs a round trip for each write. */
  async #transaction(session: Session, writes: readonly SealedWrite[]): Promise<Commit> {
    try {
      return await this.#apply(session, writes, async (start) => {
        const { position, starts, news } = await storeWrites(session, writes, start, this.#place);
        return { position, commit: starts.map(storedAfter), news: [news] };
      });
    } catch (error) {
      if (!(error instanceof Refused) && !isContradiction(error)) throw error;
      await session.query('ROLLBACK');
      this.#days.clear();
      return await this.#apply(session, writes, (position) => this.#storeEach(session, writes, position));
    }
  }

  async #apply(
    session: Session,
    writes: readonly SealedWrite[],
    store: (position: Position) => Promise<Applied>,
  ): Promise<Commit> {
    await session.query('BEGIN');
    const before = await this.#lockPosition(session);
    const { position, commit, news } = await store(before);
    for (const one of news) await tell(session, this.#options.writer, one);
    await rowsOf(
      session,
      `WITH tail AS (UPDATE record_tail SET position = $1, time_high = $2)
       UPDATE writers SET sequence = $3, hash = $4, seen_at = clock_timestamp() WHERE writer = $5`,
      [position.position, position.timeHigh, position.sequence, position.hash, this.#options.writer],
    );
    try {
      await session.query('COMMIT');
    } catch (error) {
      const isStored = await this.#learn(before, position, writes.length > 0);
      if (!isStored) throw error;
    }
    this.#head = { sequence: position.sequence, hash: position.hash };
    return commit;
  }

  /** Waits for the commits of other nodes; throws when the chain is not ours any more. */
  async #lockPosition(session: Session): Promise<Position> {
    const [row] = await rowsOf<Position & { epoch: number }>(
      session,
      `SELECT t.position, t.time_high AS "timeHigh", w.sequence, w.hash, w.epoch
       FROM record_tail t, writers w WHERE w.writer = $1 FOR UPDATE`,
      [this.#options.writer],
    );
    if (row === undefined) throw new Error(`the writer ${this.#options.writer} is gone; verify the record`);
    if (row.epoch !== this.#epoch) throw this.#fenced();
    const { position, timeHigh } = row;
    // A database that lost what it had acknowledged is not gone on from: the gap stays, as evidence.
    return { position, timeHigh, ...laterOf(this.#head, row) };
  }

  async #storeEach(session: Session, writes: readonly SealedWrite[], start: Position): Promise<Applied> {
    let position = start;
    const news: News[] = [];
    const commit: (Stored | WriteFailure)[] = [];
    for (const write of writes) {
      await session.query('SAVEPOINT one_write');
      try {
        const next = await storeWrites(session, [write], position, this.#place);
        commit.push(storedAfter(position));
        position = next.position;
        news.push(next.news);
      } catch (error) {
        if (!(error instanceof Refused) && !isContradiction(error)) throw error;
        await session.query('ROLLBACK TO one_write');
        // A partition that was made in it is gone as well.
        this.#days.clear();
        commit.push(error instanceof Refused ? error.failure : writeFailure(error));
      }
      await session.query('RELEASE one_write');
    }
    return { position, commit, news };
  }

  /** Whether a commit whose answer was lost is durable. Waits for the database, until this is disposed. */
  async #learn(before: ChainHead, after: ChainHead, hasEvents: boolean): Promise<boolean> {
    await this.#reset();
    // Nothing that could be stored twice.
    if (!hasEvents || before.sequence === after.sequence) return false;
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, delayMsMax)) {
      try {
        const session = await this.#connected();
        // The lock is waited for: a server that still commits has it.
        const [head] = await rowsOf<ChainHead>(
          session,
          'SELECT sequence, hash FROM writers WHERE writer = $1 FOR UPDATE',
          [this.#options.writer],
        );
        return head?.sequence === after.sequence && head.hash === after.hash;
      } catch {
        await this.#reset();
        await sleep(delayMs, undefined, { signal: this.#closing.signal });
      }
    }
  }

  #fenced(): Error {
    this.#epoch = null;
    return Object.assign(new Error('another node took this chain up'), { code: fencedCode });
  }

  readonly #place = {
    days: this.#days,
    owner: (): { readonly writer: string; readonly home: string; readonly epoch: number } => ({
      writer: this.#options.writer,
      home: this.#options.home,
      epoch: this.#epoch ?? 0,
    }),
  };

  /** A connection that failed is not used again; the server rolls back what it had begun. */
  async #reset(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#days.clear();
    if (session !== null) await closeSession(session);
  }
}

/** What a transaction holds. */
interface Applied {
  readonly position: Position;
  readonly commit: Commit;
  readonly news: readonly News[];
}

function laterOf(known: ChainHead | null, { sequence, hash }: ChainHead): ChainHead {
  return known !== null && known.sequence > sequence ? known : { sequence, hash };
}

function storedAfter({ sequence, hash }: ChainHead): Stored {
  return { kind: 'stored', sequence, hash };
}

function writeFailure(error: unknown): WriteFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', code: errorCode(error), message };
}
