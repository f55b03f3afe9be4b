/**
 * One session: a container that serves one call or file operation at a time, for whoever opened it, until it is idle
 * for too long, has lived for long enough, or is ended.
 */
import { NotStarted } from '../../executor.ts';
import type { ContainerProfile } from '../../executor.ts';
import { sizeObjection } from '../../sessions.ts';
import type { FileAnswer, FileOperation, SessionRequest } from '../../sessions.ts';
import type { RuntimeReport } from '../../../model/call.ts';
import type { SessionEndReason } from '../../../model/session.ts';
import { encodeControl, soleCallChannel } from '../../protocol/frame.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { SandboxFile } from '../call-request.ts';
import type { FrameListener, Sandbox } from '../sandbox.ts';
import type { CallEnding } from '../serve-call.ts';
import { ExchangeBroken, exchangeFile } from './file-exchange.ts';

export interface HeldSessionParts {
  readonly request: SessionRequest;
  /** With the limits that the container was built with. */
  readonly profile: ContainerProfile;
  readonly runtime: RuntimeReport;
  readonly sandbox: Sandbox;
  readonly clock: { now(): number };
  /** Called once. */
  readonly onEnded: (reason: SessionEndReason) => void;
}

export class HeldSession {
  readonly #parts: HeldSessionParts;
  readonly #expiresAtMs: number;
  readonly #stop = new AbortController();
  readonly #waiting: FrameListener;
  #isBusy = false;
  #timer: NodeJS.Timeout | null = null;
  #end: SessionEndReason | null = null;
  #before: Pick<CallEnding['used'], 'cpuMs' | 'oomKills'>;

  constructor(parts: HeldSessionParts) {
    this.#parts = parts;
    this.#before = parts.sandbox.ownUsage;
    this.#expiresAtMs = parts.clock.now() + parts.request.lifetimeMs;
    const fail = (): void => this.end('crashed');
    this.#waiting = { onFrame: (_frame: Frame) => fail(), fail, room: async () => {} };
    parts.sandbox.listen(this.#waiting);
    void this.#awaitContainerEnd();
    parts.sandbox
      .send([encodeControl('session', soleCallChannel, {})])
      .catch(() => this.end('container_ended'));
    this.#watch();
  }

  get sandbox(): Sandbox {
    return this.#parts.sandbox;
  }
  get runtime(): RuntimeReport {
    return this.#parts.runtime;
  }
  get before(): Pick<CallEnding['used'], 'cpuMs' | 'oomKills'> {
    return this.#before;
  }
  /** Aborted once it is over: a call in it is then cancelled. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  isOwnedBy({ tenant, principal }: Pick<SessionRequest, 'tenant' | 'principal'>): boolean {
    const { request } = this.#parts;
    return request.tenant === tenant && request.principal === principal;
  }

  /** Takes it for a call, or says by NotStarted why not; until the return value is disposed nobody else has it. */
  claim(profile?: ContainerProfile): Disposable {
    if (this.#end !== null) throw new NotStarted('session_ended', `The session is over: ${this.#end}.`);
    if (this.#isBusy) throw new NotStarted('session_busy', 'The session is busy with another call or file.');
    const objection = profile === undefined ? null : this.#objectionTo(profile);
    if (objection !== null) throw new NotStarted('session_image_mismatch', objection);
    this.#isBusy = true;
    this.sandbox.weigh('short');
    this.#unwatch();
    return { [Symbol.dispose]: () => this.#giveBack() };
  }

  /** Puts a call's files where it expects them; says which of them could not be. Throws NotStarted when it broke. */
  async place(files: readonly SandboxFile[]): Promise<string | null> {
    for (const { path, content } of files) {
      const answer = await this.exchange({ kind: 'put', path, data: content });
      if (answer.kind === 'refused')
        return `args.files: ${JSON.stringify(path)} cannot be written (${answer.error})`;
    }
    return null;
  }

  /** Only while it is claimed. Throws NotStarted when the container is of no more use: the session is then over. */
  async exchange(operation: FileOperation): Promise<FileAnswer> {
    try {
      return await exchangeFile(this.sandbox, operation);
    } catch (error) {
      if (!(error instanceof ExchangeBroken)) throw error;
      this.end('crashed');
      throw new NotStarted('session_ended', `The session is over: ${this.#end ?? 'crashed'}.`, {
        cause: error,
      });
    }
  }

  /** A call in it came to its end. */
  settle({ goesOn, reason, used }: CallEnding): void {
    this.#before = used;
    if (goesOn) this.sandbox.listen(this.#waiting);
    else this.end(endReasonOf(reason));
  }

  /** Over, for good. */
  end(reason: SessionEndReason): void {
    if (this.#end !== null) return;
    this.#end = reason;
    this.#unwatch();
    this.#stop.abort(new Error(`the session is over: ${reason}`));
    this.#parts.onEnded(reason);
  }

  #objectionTo({ engineRuntime, image, limits }: ContainerProfile): string | null {
    const own = this.#parts.profile;
    if (image.name !== own.image.name || engineRuntime !== own.engineRuntime)
      return `The session runs image ${own.image.name} (${own.engineRuntime}), the tool needs ${image.name} (${engineRuntime}).`;
    if (JSON.stringify([image.source, image.entry]) !== JSON.stringify([own.image.source, own.image.entry]))
      return `Image ${image.name} is another one than when the session was opened: open a new session.`;
    return sizeObjection(own.limits, limits);
  }

  /** Under a call or file operation, that one says how it ended. */
  async #awaitContainerEnd(): Promise<void> {
    await this.sandbox.closed;
    if (!this.#isBusy) this.end('container_ended');
  }

  #giveBack(): void {
    this.#isBusy = false;
    if (this.#end !== null) return;
    if (!this.sandbox.isAlive) return this.end('container_ended');
    this.sandbox.weigh('resting');
    this.sandbox.listen(this.#waiting);
    this.#watch();
  }

  /** A call that is going on is not cut off by these: it has a deadline of its own. */
  #watch(): void {
    const { clock, request } = this.#parts;
    const leftMs = this.#expiresAtMs - clock.now();
    const reason = leftMs <= request.idleMs ? 'lifetime' : 'idle';
    this.#timer = setTimeout(() => this.end(reason), Math.max(0, Math.min(leftMs, request.idleMs))).unref();
  }

  #unwatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** A call that is over while its container is not ready for another one. */
function endReasonOf(reason: CallEnding['reason']): SessionEndReason {
  return reason === 'completed' || reason === 'threw' ? 'interpreter_ended' : reason;
}
