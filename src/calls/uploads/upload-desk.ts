/**
 * Files that callers upload to name them in calls. Trusted: who uploads. Hostile: the bytes, and how many uploads come.
 * A file and its event are durable together, before its id is answered; it is its principal's alone, never changes, and
 * goes after `fileKeptMs`, or when its principal removes it. Who has no tool that takes files uploads none. Its bytes pass the boundary with each call that names it, as that call's policy says.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../model/json.ts';
import type { Caller } from '../../model/principal.ts';
import type { CallContext } from '../call-context.ts';
import { actor } from '../key-ring.ts';
import { recordRefusal } from '../record-refusal.ts';
import { isRefusal } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';
import { fileDetails, fileDigests } from './named-files.ts';
import { TenantRoom } from './tenant-room.ts';
import { termsForUploads } from './terms-for-uploads.ts';
import { NoRoomForFile } from '../../audit/uploaded-files.ts';
import type { FileFacts, FileRoom } from '../../audit/uploaded-files.ts';

/** How long an uploaded file can be named, milliseconds. */
const fileKeptMs = 24 * 60 * 60 * 1000;

/** Bodies in memory at once, each up to the largest file: of one tenant, and of all. */
const uploadsMax = { all: 16, byTenant: 4 } as const;

export interface UploadDeskOptions extends Pick<
  CallContext,
  'blocks' | 'clock' | 'hasDiskReserve' | 'logger' | 'metrics' | 'newId' | 'record' | 'revision'
> {
  /** Largest file, bytes. */
  readonly fileBytesMax: number;
  /** What one tenant may have at once. */
  readonly roomMax: FileRoom;
}

export class UploadDesk {
  readonly #options: UploadDeskOptions;
  readonly #underway = new TenantRoom(uploadsMax);

  constructor(options: UploadDeskOptions) {
    this.#options = options;
  }

  get fileBytesMax(): number {
    return this.#options.fileBytesMax;
  }

  /** `read` gives the bytes once there is room for them: who may not have more uploads nothing. Rejects with `RecordUnavailable`. */
  async upload(caller: Caller, read: () => Promise<Uint8Array>): Promise<FileFacts | Refusal> {
    const { hasDiskReserve, record, roomMax } = this.#options;
    const { tenant } = caller.principal;
    const terms = termsForUploads(this.#options, caller);
    if (isRefusal(terms)) return this.#refuse(caller, terms);
    using place = this.#underway.take(tenant, 1);
    if (place === null) return this.#count(tooManyAtOnce);
    if (!hasDiskReserve()) return this.#count(noDisk);
    const used = await record.fileRoomUsed(tenant);
    if (used.files >= roomMax.files || used.bytes >= roomMax.bytes) return this.#full(caller);
    const data = await read();
    if (!hasDiskReserve()) return this.#count(noDisk);
    return this.#store(caller, data);
  }

  async #store(caller: Caller, data: Uint8Array): Promise<FileFacts | Refusal> {
    const { clock, newId, record, roomMax } = this.#options;
    const { id: principal, tenant } = caller.principal;
    const facts: FileFacts = {
      id: newId('file'),
      tenant,
      principal,
      sizeBytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
      expiresAtMs: clock.now() + fileKeptMs,
    };
    try {
      await record.write({
        events: [
          {
            type: 'file_written',
            ...actor(caller),
            tenant,
            details: { change: 'uploaded', ...fileDetails([facts]) },
            content: fileDigests([facts]),
          },
        ],
        file: { facts, data, roomMax },
      });
    } catch (error) {
      if (error instanceof NoRoomForFile) return this.#full(caller);
      throw error;
    }
    return facts;
  }

  /** On the record before it is answered; a state of the server is not. */
  #refuse(caller: Caller, refusal: Refusal, about: JsonObject = {}): Promise<Refusal> {
    return recordRefusal(this.#options, caller, refusal, { about: 'upload', ...about });
  }

  #full(caller: Caller): Promise<Refusal> {
    const { roomMax } = this.#options;
    const refusal = {
      code: 'quota_exceeded',
      detail: `Your tenant has ${roomMax.files} uploaded files, or ${roomMax.bytes} bytes of them, or would have more with this one. DELETE /v1/files/{id} removes one; each goes 24 h after its upload.`,
      quota: 'sallyport/uploaded-files',
      unit: 'concurrent',
      limit: roomMax.files,
      amount: 1,
      windowMs: 0,
      retryAfterMs: 60_000,
    } as const;
    return this.#refuse(caller, refusal, { quota: refusal.quota, ...roomMax });
  }

  #count(refusal: Refusal): Refusal {
    this.#options.metrics.callRefused(refusal.code);
    return refusal;
  }
}

const tooManyAtOnce: Refusal = {
  code: 'overloaded',
  detail: 'Too many uploads are under way. Nothing was stored; try again shortly.',
};

const noDisk: Refusal = {
  code: 'audit_unavailable',
  detail: 'The disk is too full to promise room for a record of it. Nothing was stored; ops must free space.',
};
