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
    return this.#guarded(async () => {
      const client = await this.#options.pool.connect();
      let isGood = false;
      try {
        const rows = await this.#asTenant<Row>(client, tenant, text, values);
        isGood = true;
        return rows;
      } finally {
        // One that failed may still be in a transaction, or broken.
        client.release(!isGood);
      }
    });
  }

  async #asTenant<Row extends QueryResultRow>(
    client: PoolClient,
    tenant: string | null,
    text: string,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const { retentionMs } = this.#options;
    const oldest = retentionMs === null ? '' : new Date(this.nowMs - retentionMs).toISOString();
    await client.query('BEGIN READ ONLY');
    await client.query(
      `SELECT set_config('sallyport.tenant', $1, true), set_config('sallyport.oldest', $2, true)`,
      [tenant ?? '*', oldest],
    );
    const rows = await rowsOf<Row>(client, text, values);
    await client.query('COMMIT');
    return rows;
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
