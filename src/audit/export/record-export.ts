/** What an export of the record reads: the chains link by link, what is not shown only as hashes. */
import type { WriterHead } from '../record.ts';

/** One link of a chain, in the order of writing. */
export type ExportRow =
  | {
      readonly kind: 'event';
      readonly canonical: string;
      readonly eventHash: string;
      readonly previousHash: string;
      readonly hash: string;
      /** null once erased, or when there was none. `text` is canonical JSON. */
      readonly content: { readonly salt: string; readonly text: string } | null;
      /** false for a checkpoint that the filter does not mean: shown for the proof alone. */
      readonly fitsFilter: boolean;
    }
  | {
      readonly kind: 'omitted';
      readonly writer: string;
      readonly sequence: number;
      readonly eventHash: string;
    };

export interface RecordExport {
  /** Where the chains stood when the export began; `rows` leads up to there. */
  readonly heads: readonly WriterHead[];
  /** Read as they are taken, some at a time. Checkpoints are always shown: the proof needs them. */
  readonly rows: AsyncIterable<ExportRow>;
}
