/** What keeps the record in order: erasure, holds, retention. */
import { ErasureDesk } from './erasure-desk.ts';
import type { ErasureDeskOptions } from './erasure-desk.ts';
import { HoldDesk } from './hold-desk.ts';
import { Retention } from './retention.ts';
import type { RecordStore } from '../../audit/record.ts';

export const dayMs = 24 * 60 * 60 * 1000;

export interface UpkeepOptions extends Omit<ErasureDeskOptions, 'record' | 'minimumAgeMs' | 'logger'> {
  readonly record: RecordStore;
  readonly minimumRetentionDays: number;
  readonly logger: Record<'warn' | 'error', (fields: object, message: string) => void>;
}

export class Upkeep implements AsyncDisposable {
  readonly erasures: ErasureDesk;
  readonly holds: HoldDesk;
  readonly #retention: Retention;

  constructor(options: UpkeepOptions) {
    const minimumAgeMs = options.minimumRetentionDays * dayMs;
    this.erasures = new ErasureDesk({ ...options, minimumAgeMs });
    this.holds = new HoldDesk(options);
    this.#retention = new Retention(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#retention[Symbol.asyncDispose]();
  }
}
