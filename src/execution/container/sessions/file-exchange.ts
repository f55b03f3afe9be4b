/**
 * One file operation in a container that waits between two calls of its session. Trusted: the operation. Hostile: what
 * comes back, names and contents; it is capped, and a frame out of turn is the end of the container.
 */
import type { FileAnswer, FileError, FileOperation, SessionFile } from '../../sessions.ts';
import { encodeControl, inFrames, soleCallChannel } from '../../protocol/frame.ts';
import type { Frame } from '../../protocol/frame.ts';
import { parseControl } from '../../protocol/frame-decoder.ts';
import { ByteBuffer } from '../../protocol/byte-buffer.ts';
import { fileOperationMsMax, listedFilesMax, listedPathCharsMax } from '../limits.ts';
import type { FrameListener, Sandbox } from '../sandbox.ts';

const fileErrors: ReadonlySet<unknown> = new Set(['not_found', 'no_file', 'no_room', 'failed']);

/** The container broke its protocol, does not answer, or is gone. */
export class ExchangeBroken extends Error {
  override readonly name = 'ExchangeBroken';
}

/** Rejects with ExchangeBroken; the container is then of no more use. Leaves the sandbox's frames to nobody. */
export async function exchangeFile(sandbox: Sandbox, operation: FileOperation): Promise<FileAnswer> {
  const reply = new FileReply(operation.kind === 'get' ? operation.bytesMax : 0);
  sandbox.listen(reply);
  const timer = setTimeout(() => reply.fail('it does not answer'), fileOperationMsMax);
  void sandbox.closed.then(() => reply.fail('it has ended'));
  sandbox.send(framesOf(operation)).catch((error: unknown) => reply.fail(String(error)));
  try {
    return await reply.answer;
  } finally {
    clearTimeout(timer);
  }
}

function* framesOf(operation: FileOperation): Generator<Uint8Array> {
  switch (operation.kind) {
    case 'put':
      yield encodeControl('filePut', soleCallChannel, { path: operation.path });
      yield* inFrames('fileData', soleCallChannel, operation.data);
      yield encodeControl('end', soleCallChannel, {});
      return;
    case 'get':
      yield encodeControl('fileGet', soleCallChannel, { path: operation.path });
      return;
    case 'list':
      yield encodeControl('fileList', soleCallChannel, { path: operation.prefix });
      return;
    case 'remove':
      yield encodeControl('fileRemove', soleCallChannel, { path: operation.path });
      return;
    default:
      operation satisfies never;
  }
}

class FileReply implements FrameListener {
  readonly answer: Promise<FileAnswer>;
  readonly #settled = Promise.withResolvers<FileAnswer>();
  readonly #bytesMax: number;
  readonly #content = new ByteBuffer();
  readonly #files: SessionFile[] = [];
  #isTooLarge = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.answer = this.#settled.promise;
    this.answer.catch(() => {});
  }

  onFrame(frame: Frame): void {
    if (frame.type === 'fileData') this.#keep(frame.payload);
    else if (frame.type === 'fileEntry') this.#list(frame);
    else if (frame.type === 'fileDone') this.#end(frame);
    else this.fail(`a frame of type ${frame.type} out of turn`);
  }

  fail(message: string): void {
    this.#settled.reject(new ExchangeBroken(message));
  }

  /** What is kept is bounded: the file's cap, or the listed files'. */
  async room(): Promise<void> {}

  /** A file above the cap is read to its end, so that the container stays of use, and not kept. */
  #keep(payload: Uint8Array): void {
    this.#isTooLarge ||= this.#content.length + payload.length > this.#bytesMax;
    if (this.#isTooLarge) this.#content.clear();
    else this.#content.append(payload);
  }

  #list(frame: Frame): void {
    const { path, sizeBytes, modifiedAtMs } = parseControl(frame) ?? {};
    if (typeof path !== 'string' || !isCount(sizeBytes) || typeof modifiedAtMs !== 'number')
      return this.fail('a list that is not understood');
    if (path.length > listedPathCharsMax) return this.fail('a path that no supervisor sends');
    if (this.#files.length === listedFilesMax) return this.fail('a list without end');
    this.#files.push({ path, sizeBytes, modifiedAtMs });
  }

  #end(frame: Frame): void {
    const { error, dropped = 0 } = parseControl(frame) ?? { error: 'failed' };
    if (error !== undefined) {
      const known = fileErrors.has(error) ? (error as FileError) : 'failed';
      return this.#settled.resolve({ kind: 'refused', error: known });
    }
    if (this.#isTooLarge) return this.#settled.resolve({ kind: 'refused', error: 'too_large' });
    this.#settled.resolve({
      kind: 'done',
      data: this.#content.bytes,
      files: this.#files,
      dropped: isCount(dropped) ? dropped : 0,
    });
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
