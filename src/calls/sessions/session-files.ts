/**
 * Files of a session, from outside of its code. Trusted: whose session it is, and what policy says of it now. Hostile:
 * paths and contents in either direction; what comes out passes the boundary, and every change and read is on the record.
 */
import { createHash } from 'node:crypto';
import type { FilteredOutput } from '../../boundary/boundary.ts';
import { taintsOf } from '../../boundary/taints.ts';
import { RecordUnavailable } from '../../audit/record.ts';
import type { EventDraft, StoredSession } from '../../audit/record.ts';
import type { Taint } from '../../model/taint.ts';
import { Lost, NotStarted } from '../../execution/executor.ts';
import type { FileError, FileOperation, SessionFile } from '../../execution/sessions.ts';
import { isPathPrefix, isPlainPath } from '../../execution/work-path.ts';
import type { BoundaryReport } from '../../model/finding.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Caller } from '../../model/principal.ts';
import type { SessionTerms } from '../../policy/session-terms.ts';
import { mediaTypeOf } from '../media-type.ts';
import { isRefusal } from '../refusal.ts';
import { taintDetails, taintsToShare } from '../taint-ledger.ts';
import type { Refusal } from '../refusal.ts';
import type { SessionClaim } from './live-sessions.ts';
import { recordRefusal } from '../record-refusal.ts';
import { sessionEvent, termsFor } from './session-context.ts';
import type { SessionContext } from './session-context.ts';
import type { SessionDesk } from './session-desk.ts';

export interface ReadFile {
  /** Its path as the boundary lets it out. */
  readonly name: string;
  readonly data: Uint8Array;
  readonly mediaType: string;
  readonly boundary: BoundaryReport;
}

export interface FileList {
  /** Names as the boundary lets them out. */
  readonly files: readonly SessionFile[];
  /** Files that were not listed: too many, or too deep. */
  readonly dropped: number;
}

/** A session, taken for one file operation. Disposing gives it back. */
interface Access extends Disposable {
  readonly stored: StoredSession;
  readonly terms: SessionTerms;
}

export class SessionFiles {
  readonly #context: SessionContext;
  readonly #desk: SessionDesk;

  constructor(context: SessionContext, desk: SessionDesk) {
    this.#context = context;
    this.#desk = desk;
  }

  get fileBytesMax(): number {
    return this.#context.fileBytesMax;
  }

  /** `read` gives the content once the session is taken: who may not have it uploads nothing. */
  async put(
    caller: Caller,
    id: string,
    path: string,
    read: () => Promise<Uint8Array>,
  ): Promise<{ readonly path: string; readonly sizeBytes: number; readonly sha256: string } | Refusal> {
    const access = await this.#access(caller, id, { changes: true });
    if (isRefusal(access)) return access;
    using _claimed = access;
    if (!isPlainPath(path)) return badPath;
    const data = await read();
    const inbound = await this.#checkInbound(path, data, access);
    if (isRefusal(inbound)) return this.#refuse(caller, id, inbound);
    const sha256 = createHash('sha256').update(data).digest('hex');
    const done = await this.#exchange(access, { kind: 'put', path, data });
    if (isRefusal(done)) return done;
    const refusal = await this.#record(access, caller, {
      type: 'file_written',
      boundary: inbound,
      details: { change: 'put', sizeBytes: data.length },
      content: { path, sha256 },
    });
    return refusal ?? { path: this.#context.boundary.redactText(path), sizeBytes: data.length, sha256 };
  }

  async get(caller: Caller, id: string, path: string): Promise<ReadFile | Refusal> {
    const access = await this.#access(caller, id, { changes: false });
    if (isRefusal(access)) return access;
    using _claimed = access;
    if (!isPlainPath(path)) return badPath;
    const bytesMax = this.#context.fileBytesMax;
    const done = await this.#exchange(access, { kind: 'get', path, bytesMax });
    if (isRefusal(done)) return done;
    const mediaType = mediaTypeOf(path);
    const artifact = { name: path, mediaType, data: done.data };
    const { report, file } = await this.#context.filter.filterFile(
      artifact,
      access.terms.boundary,
      access.stored.tenant,
    );
    this.#count(report);
    if (file === null) return this.#refuse(caller, id, withheld(report));
    const refusal = await this.#record(access, caller, {
      type: 'file_read',
      boundary: report,
      details: { what: 'content', sizeBytes: file.data.length },
      content: { path, sha256: createHash('sha256').update(file.data).digest('hex') },
    });
    return refusal ?? { name: file.name, data: file.data, mediaType: file.mediaType, boundary: report };
  }

  async list(caller: Caller, id: string, prefix: string): Promise<FileList | Refusal> {
    const access = await this.#access(caller, id, { changes: false });
    if (isRefusal(access)) return access;
    using _claimed = access;
    if (!isPathPrefix(prefix)) return badPath;
    const done = await this.#exchange(access, { kind: 'list', prefix });
    if (isRefusal(done)) return done;
    const names = done.files.map(({ path }) => path);
    const { report, blocked, result } = await this.#filterNames(names, access);
    if (blocked || !Array.isArray(result)) return this.#refuse(caller, id, withheld(report));
    const shown: readonly unknown[] = result;
    const files = done.files.map((file, index) => {
      const path = shown[index];
      return { ...file, path: typeof path === 'string' ? path : '' };
    });
    const refusal = await this.#record(access, caller, {
      type: 'file_read',
      boundary: report,
      details: { what: 'names', files: files.length },
      content: { prefix },
    });
    return refusal ?? { files, dropped: done.dropped };
  }

  /** Null once it is gone. */
  async remove(caller: Caller, id: string, path: string): Promise<Refusal | null> {
    const access = await this.#access(caller, id, { changes: true });
    if (isRefusal(access)) return access;
    using _claimed = access;
    if (!isPlainPath(path)) return badPath;
    const done = await this.#exchange(access, { kind: 'remove', path });
    if (isRefusal(done)) return done;
    return await this.#record(access, caller, {
      type: 'file_written',
      details: { change: 'removed' },
      content: { path },
    });
  }

  /** The session, if it is this caller's and policy still gives it one. */
  async #access(caller: Caller, id: string, use: { readonly changes: boolean }): Promise<Access | Refusal> {
    const context = this.#context;
    const claim: SessionClaim | Refusal = await context.sessions.claim(caller.principal, id, use);
    if (isRefusal(claim)) return claim;
    using cleanup = new DisposableStack();
    cleanup.use(claim);
    const { stored } = claim;
    const terms = termsFor(context, caller, stored.session.image);
    if (terms === null || isRefusal(terms)) return this.#refuse(caller, id, terms ?? nothingFits);
    if (!context.hasDiskReserve()) return noRoomToRecord;
    const kept = cleanup.move();
    return { stored, terms, [Symbol.dispose]: () => kept.dispose() };
  }

  async #checkInbound(
    path: string,
    data: Uint8Array,
    { stored, terms }: Access,
  ): Promise<BoundaryReport | Refusal> {
    const file = { name: path, mediaType: mediaTypeOf(path), data };
    const { report, blocked } = await this.#context.filter.checkFile(file, terms.boundary, stored.tenant);
    this.#count(report);
    if (!blocked) return report;
    const blocking = report.findings.filter(({ action }) => action === 'block');
    const what = blocking.map(({ detector, where }) => `${detector} at ${where}`).join(', ');
    return {
      code: 'arguments_blocked',
      detail: `The boundary blocks this file: ${what}.`,
      findings: blocking,
    };
  }

  async #filterNames(names: readonly string[], { stored, terms }: Access): Promise<FilteredOutput> {
    const output = { result: [...names], error: null, stdout: nothing, stderr: nothing, artifacts: [] };
    const filtered = await this.#context.filter.filterOutput(output, terms.boundary, stored.tenant);
    this.#count(filtered.report);
    return filtered;
  }

  #count({ findings }: BoundaryReport): void {
    for (const { detector, action } of findings) this.#context.metrics.findingMade(detector, action);
  }

  async #exchange(
    { stored }: Access,
    operation: FileOperation,
  ): Promise<{ data: Uint8Array; files: readonly SessionFile[]; dropped: number } | Refusal> {
    try {
      const answer = await this.#desk.exchange(stored, operation);
      if (answer.kind === 'done') return answer;
      return fileRefusal(answer.error, this.#context.fileBytesMax);
    } catch (error) {
      if (error instanceof NotStarted) return { code: error.code, detail: error.message };
      if (!(error instanceof Lost)) throw error;
      return lost;
    }
  }

  /** Durable before anything of it is answered; null when it is. */
  async #record(
    { stored, terms }: Access,
    caller: Caller,
    { details, content, ...event }: Pick<EventDraft, 'type' | 'boundary' | 'details' | 'content'>,
  ): Promise<Refusal | null> {
    const { details: session, ...who } = sessionEvent(stored, caller);
    const names = taintsOf(event.boundary?.findings ?? [], terms.boundary);
    const taints = await this.#taints(caller, stored, names);
    if (taints === null) return notRecorded;
    const isDurable = await this.#context.outcomes.write({
      events: [
        {
          ...event,
          ...who,
          details: { ...session, ...details, ...taintDetails(taints) },
          content: this.#context.boundary.redactForRecord(content ?? {}) as JsonObject,
        },
      ],
      ...(taints.length === 0 ? {} : { taints }),
    });
    return isDurable ? null : notRecorded;
  }

  /** Null when the record cannot be read. */
  async #taints(
    { principal }: Caller,
    { session }: StoredSession,
    names: readonly string[],
  ): Promise<readonly Taint[] | null> {
    try {
      return await taintsToShare(this.#context, principal, session.id, names);
    } catch (error) {
      if (error instanceof RecordUnavailable) return null;
      throw error;
    }
  }

  async #refuse(caller: Caller, sessionId: string, refusal: Refusal): Promise<Refusal> {
    return recordRefusal(this.#context, caller, refusal, { sessionId });
  }
}

const nothing = new Uint8Array();

const badPath: Refusal = {
  code: 'invalid_arguments',
  detail: 'The path has to be relative to /work, in plain names without . and .., at most 16 of them.',
  errors: [{ pointer: '/path', message: 'is no plain path under /work' }],
};

const nothingFits: Refusal = {
  code: 'policy_denied',
  detail: 'Policy gives you no tool any more that runs in this session.',
  policy: null,
  rule: null,
  reasons: ['No tool that you may use runs in this session any more.'],
  nearest: null,
};

const noRoomToRecord: Refusal = {
  code: 'audit_unavailable',
  detail: 'The disk is too full to promise room for a record of it. Nothing was done; ops must free space.',
};

const notRecorded: Refusal = {
  code: 'audit_unavailable',
  detail:
    'It was done in the session, but could not be recorded yet, so nothing is answered. GET /ready says why.',
};

const lost: Refusal = {
  code: 'runtime_unavailable',
  detail: 'The runner was lost in the middle: whether it was done in the session is not known.',
};

function withheld({ findings }: BoundaryReport): Refusal {
  const what = findings.map(({ detector, where }) => `${detector} at ${where}`).join(', ');
  return { code: 'content_withheld', detail: `The boundary withholds this: ${what}.`, findings };
}

function fileRefusal(error: FileError, limitBytes: number): Refusal {
  switch (error) {
    case 'not_found':
      return { code: 'not_found', detail: 'There is no such file in the session.' };
    case 'too_large':
      return {
        code: 'payload_too_large',
        detail: `A file may have at most ${limitBytes} bytes.`,
        limitBytes,
      };
    case 'no_file':
      return {
        code: 'file_conflict',
        detail: 'What lies there, or on the way, is a folder, a link or a device, and no plain file.',
        reason: error,
      };
    case 'no_room':
      return { code: 'file_conflict', detail: 'There is no room for it in /work.', reason: error };
    case 'failed':
      return { code: 'file_conflict', detail: 'It could not be done in /work.', reason: error };
    default:
      return error satisfies never;
  }
}
