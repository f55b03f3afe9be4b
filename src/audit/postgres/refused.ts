import type { WriteFailure } from '../sealed-write.ts';

/** One of the writes cannot be stored; the transaction has to be rolled back. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly failure: WriteFailure;

  constructor(failure: WriteFailure) {
    super(failure.kind);
    this.failure = failure;
  }
}
