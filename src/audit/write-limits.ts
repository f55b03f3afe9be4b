/** What may wait for a store, and how it is counted. */
import { ContentHeld } from './erasure.ts';
import { ApprovalSettled, CallEnded, IdempotencyTaken } from './record.ts';
import type { SealedWrite, WriteFailure } from './sealed-write.ts';
import { FileGone, NoRoomForFile } from './uploaded-files.ts';

/** Writes that may wait. Beyond it the record is slower than its callers, and they are refused. */
export const queuedWritesMax = 4_096;

/** Bytes of content, calls, artifacts and files that may wait. */
export const queuedBytesMax = 256 * 1024 * 1024;

/** Writes in one transaction. More wait for the next, so that the first of a burst are not kept for the last. */
export const batchWritesMax = 256;

export const queueFull = 'Too many writes wait for the record; call again later.';

export function writeBytes(write: SealedWrite): number {
  let bytes = 0;
  for (const { before, after, content } of write.events)
    bytes += before.length + after.length + (content?.text.length ?? 0);
  for (const { body } of write.calls ?? []) bytes += body.length;
  for (const { data } of write.artifacts ?? []) bytes += data.byteLength;
  bytes += write.file?.data.byteLength ?? 0;
  bytes += write.requestedApproval?.payload.byteLength ?? 0;
  return bytes + (write.activation?.content?.length ?? 0);
}

/** `unavailable` says what a failure of the store itself means. */
export function failureError(
  failure: WriteFailure,
  unavailable: (error: Error & { readonly code: string | null }) => Error,
): Error {
  switch (failure.kind) {
    case 'idempotency_taken':
      return new IdempotencyTaken('Another call holds this idempotency key.');
    case 'approval_settled':
      return new ApprovalSettled('The approval is no longer open.');
    case 'call_ended':
      return new CallEnded('The call has ended already.');
    case 'held':
      return new ContentHeld('A hold means some of what should be cleared.');
    case 'no_room_for_file':
      return new NoRoomForFile('The tenant has as many uploaded files as it may.');
    case 'file_gone':
      return new FileGone('There is no such uploaded file any more.');
    case 'failed':
      return unavailable(Object.assign(new Error(failure.message), { code: failure.code }));
  }
}
