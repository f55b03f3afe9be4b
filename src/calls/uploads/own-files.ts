/**
 * What callers do with files that they uploaded, besides naming them in calls. Trusted: who asks. Hostile: the ids and the
 * bytes. A file is its uploader's alone, whatever scopes others have; what leaves passes the boundary, and is on the record.
 */
import { FileGone } from '../../audit/uploaded-files.ts';
import type { FileFacts, FileQuery } from '../../audit/uploaded-files.ts';
import type { BoundaryReport } from '../../model/finding.ts';
import type { Caller } from '../../model/principal.ts';
import type { CallContext } from '../call-context.ts';
import { actor } from '../key-ring.ts';
import { mediaTypeOf } from '../media-type.ts';
import { recordRefusal, unrecorded } from '../record-refusal.ts';
import { isRefusal } from '../refusal.ts';
import type { Refusal } from '../refusal.ts';
import { fileDetails, fileDigests, loadFiles } from './named-files.ts';
import { termsForUploads } from './terms-for-uploads.ts';

export type OwnFilesContext = Pick<
  CallContext,
  'blocks' | 'fileMemory' | 'filter' | 'hasDiskReserve' | 'logger' | 'metrics' | 'record' | 'revision'
>;

export interface ReadUpload {
  readonly name: string;
  readonly mediaType: string;
  /** As the boundary lets them out. */
  readonly data: Uint8Array;
  readonly boundary: BoundaryReport;
}

export class OwnFiles {
  readonly #context: OwnFilesContext;

  constructor(context: OwnFilesContext) {
    this.#context = context;
  }

  /** Newest first. */
  list({ principal }: Caller, page: Pick<FileQuery, 'before' | 'limit'>): Promise<readonly FileFacts[]> {
    return this.#context.record.listFiles({ tenant: principal.tenant, principal: principal.id, ...page });
  }

  async get({ principal }: Caller, id: string): Promise<FileFacts | Refusal> {
    const file = await this.#context.record.getFile(id);
    const isOwn = file?.tenant === principal.tenant && file.principal === principal.id;
    return isOwn ? file : noSuchFile;
  }

  /** On the record before it resolves. Rejects with `RecordUnavailable`. */
  async read(caller: Caller, id: string): Promise<ReadUpload | Refusal> {
    const { filter, hasDiskReserve, metrics, record } = this.#context;
    const file = await this.get(caller, id);
    if (isRefusal(file)) return file;
    const terms = termsForUploads(this.#context, caller);
    if (isRefusal(terms)) return this.#refuse(caller, file, terms);
    if (!hasDiskReserve()) return unrecorded;
    const loaded = await loadFiles(this.#context, file.tenant, [file]);
    if (isRefusal(loaded)) return loaded.code === 'not_found' ? noSuchFile : loaded;
    using _memory = loaded;
    const data = loaded.contents[0]?.data ?? new Uint8Array();
    const mediaType = mediaTypeOf(id);
    const { report, file: filtered } = await filter.filterFile(
      { name: id, mediaType, data },
      terms.boundary,
      file.tenant,
    );
    for (const { detector, action } of report.findings) metrics.findingMade(detector, action);
    if (filtered === null) return this.#refuse(caller, file, withheld(report));
    await record.write({
      events: [
        {
          type: 'file_read',
          ...actor(caller),
          tenant: file.tenant,
          boundary: report,
          details: { what: 'upload', ...fileDetails([file]) },
          content: fileDigests([file]),
        },
      ],
    });
    return { name: id, mediaType, data: filtered.data, boundary: report };
  }

  /** Null once no call can name it any more; one that runs keeps what it has. Rejects with `RecordUnavailable`. */
  async remove(caller: Caller, id: string): Promise<Refusal | null> {
    const file = await this.get(caller, id);
    if (isRefusal(file)) return file;
    try {
      await this.#context.record.write({
        events: [
          {
            type: 'file_written',
            ...actor(caller),
            tenant: file.tenant,
            details: { change: 'removed', ...fileDetails([file]) },
          },
        ],
        removedFile: file,
      });
      return null;
    } catch (error) {
      if (error instanceof FileGone) return noSuchFile;
      throw error;
    }
  }

  #refuse(caller: Caller, file: FileFacts, refusal: Refusal): Promise<Refusal> {
    return recordRefusal(this.#context, caller, refusal, fileDetails([file]));
  }
}

function withheld({ findings }: BoundaryReport): Refusal {
  const what = findings.map(({ detector, where }) => `${detector} at ${where}`).join(', ');
  return { code: 'content_withheld', detail: `The boundary withholds this file: ${what}.`, findings };
}

const noSuchFile: Refusal = {
  code: 'not_found',
  detail: 'There is no such file: it is unknown, has expired, was removed, or is not yours.',
};
