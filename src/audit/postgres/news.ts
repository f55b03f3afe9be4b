/** What nodes on one database tell each other: sent with a commit, heard by who listens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSession, rowsOf } from './connection.ts';
import { closeSession } from './writer-session.ts';
import type { Queryable, Session } from './connection.ts';
import { readJson } from '../verify-rows.ts';

const channel = 'sallyport';

/** Ids in one message, which PostgreSQL limits to 8,000 bytes. */
const idsMax = 100;

/** Between two attempts to listen again, milliseconds. */
const againMs = 1_000;

/** What other nodes changed, or may have changed while nobody listened. */
export interface News {
  /** Calls that are stored anew; null: any. */
  readonly calls: readonly string[] | null;
  /** Calls that run somewhere, and are to end. */
  readonly cancelled: readonly string[];
  readonly haveBlocksChanged: boolean;
}

/** Heard by the others once the transaction is durable. */
export async function tell(connection: Queryable, writer: string, news: News): Promise<void> {
  const { calls, cancelled, haveBlocksChanged } = news;
  const ids = calls ?? [];
  const messages: string[] = [];
  const count = Math.max(Math.ceil(ids.length / idsMax), Math.ceil(cancelled.length / idsMax));
  for (let index = 0; index < Math.max(count, haveBlocksChanged ? 1 : 0); index += 1) {
    const range = [index * idsMax, (index + 1) * idsMax] as const;
    const part: News = {
      calls: ids.slice(...range),
      cancelled: cancelled.slice(...range),
      haveBlocksChanged: haveBlocksChanged && index === 0,
    };
    messages.push(JSON.stringify({ writer, ...part }));
  }
  if (messages.length > 0)
    await rowsOf(
      connection,
      `SELECT pg_notify('${channel}', message) FROM unnest($1::text[]) AS m (message)`,
      [messages],
    );
}

export interface ListenOptions {
  readonly url: string;
  /** Whose own news is left out. */
  readonly writer: string;
  /** Must not throw. */
  readonly onNews: (news: News) => void;
}

/** Listens until it is disposed; after a break it says that anything may have changed. */
export class NewsListener implements AsyncDisposable {
  readonly #options: ListenOptions;
  readonly #closing = new AbortController();
  readonly #listening: Promise<void>;
  #session: Session | null = null;

  private constructor(options: ListenOptions, session: Session) {
    this.#options = options;
    this.#session = session;
    this.#listening = this.#listen(session);
  }

  /** Rejects with the driver's error. */
  static async start(options: ListenOptions): Promise<NewsListener> {
    return new NewsListener(options, await subscribe(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    if (this.#session !== null) await closeSession(this.#session);
    await this.#listening;
  }

  async #listen(first: Session): Promise<void> {
    const { signal } = this.#closing;
    for (let session: Session | null = first; !signal.aborted;) {
      if (session !== null) await ended(session);
      this.#session = null;
      if (signal.aborted) return;
      session = await this.#again();
    }
  }

  async #again(): Promise<Session | null> {
    try {
      const session = await subscribe(this.#options);
      this.#session = session;
      this.#options.onNews({ calls: null, cancelled: [], haveBlocksChanged: true });
      return session;
    } catch {
      await sleep(againMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
      return null;
    }
  }
}

async function subscribe({ url, writer, onNews }: ListenOptions): Promise<Session> {
  const session = await openSession(url, 'listener');
  session.on('notification', ({ payload }) => {
    // Whoever may connect may notify: it is a hint where to look, and may be anything.
    const heard = readJson<News & { readonly writer: string }>(payload);
    if (heard.writer === writer) return;
    onNews({
      calls: heard.calls === null ? null : idsIn(heard.calls),
      cancelled: idsIn(heard.cancelled),
      haveBlocksChanged: heard.haveBlocksChanged === true,
    });
  });
  try {
    await session.query(`LISTEN ${channel}`);
    return session;
  } catch (error) {
    await closeSession(session);
    throw error;
  }
}

function idsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((id) => typeof id === 'string') : [];
}

function ended(session: Session): Promise<void> {
  return new Promise((resolve) => session.once('end', () => resolve()));
}
