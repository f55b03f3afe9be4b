/** Files that callers uploaded to name them in calls: their rows, and how events name them. */
import type { JsonObject } from '../model/json.ts';

/** A file that somebody uploaded for calls of their own, without its bytes. Nothing changes it. */
export interface FileFacts {
  /** `file_…`. */
  readonly id: string;
  readonly tenant: string;
  readonly principal: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
  /** Epoch milliseconds; past it the file is not returned. */
  readonly expiresAtMs: number;
}

/** What a tenant has in uploaded files that have not expired. */
export interface FileRoom {
  readonly files: number;
  readonly bytes: number;
}

export interface UploadedFile {
  readonly facts: FileFacts;
  readonly data: Uint8Array;
  /** What its tenant may have then, this file included. */
  readonly roomMax: FileRoom;
}

/** Of one principal, newest first. */
export interface FileQuery {
  readonly tenant: string;
  readonly principal: string;
  /** Ids before this one. */
  readonly before?: string;
  readonly limit: number;
}

/** The tenant has as many uploaded files, or as many bytes of them, as it may. */
export class NoRoomForFile extends Error {
  override readonly name = 'NoRoomForFile';
}

/** There is no such file of this principal any more: it was removed, was erased or has expired. */
export class FileGone extends Error {
  override readonly name = 'FileGone';
}

/** Uploaded files that an event names in `details.files`: what was uploaded, read or removed, or what a call took. */
export function fileIds(details: JsonObject | undefined): readonly string[] {
  const files = details?.['files'];
  if (!Array.isArray(files)) return [];
  return files.flatMap((file) =>
    typeof file === 'object' && file !== null && !Array.isArray(file) && typeof file['id'] === 'string'
      ? [file['id']]
      : [],
  );
}
