/** Reads through the pool, each under the row security of whom it is for. */
import { rowsOf, recordUnavailable, errorCode } from './connection.ts';
import type { Pool, PoolClient, QueryResultRow } from 'pg';

export interface ReadingOptions {
  readonly pool: Pool;
  readonly clock: { now(): number };
  /** Content older than this is not shown, milliseconds; null: all of it is. */
  readonly retentionMs: number | null;
}

export class Reading {
  readonly #options: ReadingOptions;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  get nowMs(): number {
    return this.#options.clock.now();
  }

  /** Content of before then is past its time, epoch milliseconds; null without a retention. */
  get sinceMs(): number | null {
    const { retentionMs } = this.#options;
    return retentionMs === null ? null : this.nowMs - retentionMs;
  }

  /** Rows of tables without content. Rejects with `RecordUnavailable`. */
  async rows<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#guarded(() => rowsOf<Row>(this.#options.pool, text, values));
  }

  /** The same with content, as a tenant sees it; null sees that of all. */
  async contentRows<Row extends QueryResultRow>(
    tenant: string | null,
    text: string,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const { sinceMs } = this;
    const oldest = sinceMs === null ? '' : new Date(sinceMs).toISOString();
    return this.#readContent<Row>({ tenant: tenant ?? '*', oldest }, text, values);
  }

  /** The same with everything, also what is past its time and not yet removed. */
  async allRows<Row extends QueryResultRow>(text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#readContent<Row>({ tenant: '*', oldest: '' }, text, values);
  }

  async #readContent<Row extends QueryResultRow>(
    view: View,
    text: string,
    values: readonly unknown[],
  ): Promise<Row[]> {
    return this.#guarded(async () => {
      const client = await this.#options.pool.connect();
      let isGood = false;
      try {
        const rows = await readAs<Row>(client, view, text, values);
        isGood = true;
        return rows;
      } finally {
        // One that failed may still be in a transaction, or broken.
        client.release(!isGood);
      }
    });
  }

  async #guarded<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (errorCode(error) === null && (error instanceof TypeError || error instanceof RangeError))
        throw error;
      throw recordUnavailable(error);
    }
  }
}

/** What row security is told. */
interface View {
  readonly tenant: string;
  readonly oldest: string;
}

async function readAs<Row extends QueryResultRow>(
  client: PoolClient,
  { tenant, oldest }: View,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  await client.query('BEGIN READ ONLY');
  await client.query(
    `SELECT set_config('sallyport.tenant', $1, true), set_config('sallyport.oldest', $2, true)`,
    [tenant, oldest],
  );
  const rows = await rowsOf<Row>(client, text, values);
  await client.query('COMMIT');
  return rows;
}
