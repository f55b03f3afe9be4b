/**
 * What one call may get from a runner, held to the order of frames and to the call's own limits. A runner keeps these
 * itself; one that does not is broken or was taken over, and is not listened to any more. Memory for a call is bounded
 * by its limits, whatever arrives: bytes are copied out of the stream's buffers, and frames without bytes are refused.
 */
import type { Limits } from '../../model/limits.ts';
import { Lost, NotStarted } from '../executor.ts';
import { ByteBuffer } from '../protocol/byte-buffer.ts';
import type { Frame } from '../protocol/frame.ts';
import { parseControl } from '../protocol/frame-decoder.ts';
import type { FrameQueue } from '../protocol/frame-queue.ts';
import { isPlainPath } from '../work-path.ts';
import { fieldsOf, parseExit, parseNotStarted, parseRuntime, parseUsage } from './parse-answers.ts';

/** The supervisor sends no more either. */
const artifactsMax = 256;

export interface RunIntakeOptions {
  readonly limits: Pick<Limits, 'outputBytes' | 'logBytes' | 'artifactBytes'>;
  readonly queue: FrameQueue;
  /** So many bytes were taken that do not go through the queue one by one. */
  readonly onTaken: (bytes: number) => void;
  readonly onStarted: () => void;
}

export class RunIntake {
  readonly #options: RunIntakeOptions;
  #stage: 'waiting' | 'started' | 'used' = 'waiting';
  #logBytes = 0;
  #resultBytes = 0;
  #artifactBytes = 0;
  #artifacts = 0;
  #artifact: { readonly name: string; readonly content: ByteBuffer } | null = null;

  constructor(options: RunIntakeOptions) {
    this.#options = options;
  }

  /** What is wrong with the frame, or null. After `exit`, `notStarted` and `lost` the queue has ended. */
  receive(frame: Frame): string | null {
    switch (frame.type) {
      case 'stdout':
      case 'stderr':
      case 'result':
      case 'artifactData':
        return this.#takeData(frame.type, frame.payload);
      default:
        return this.#takeControl(frame);
    }
  }

  #takeData(type: 'stdout' | 'stderr' | 'result' | 'artifactData', payload: Uint8Array): string | null {
    const { limits, onTaken, queue } = this.#options;
    if (this.#stage !== 'started') return `${type} out of turn`;
    if (payload.length === 0) return `${type} without bytes`;
    if (type === 'artifactData') {
      this.#artifactBytes += payload.length;
      if (this.#artifact === null) return 'data of no artifact';
      if (this.#artifactBytes > limits.artifactBytes) return 'more artifact bytes than the call may have';
      this.#artifact.content.append(payload);
      onTaken(payload.length);
      return null;
    }
    if (type === 'result') this.#resultBytes += payload.length;
    else this.#logBytes += payload.length;
    if (this.#resultBytes > limits.outputBytes) return 'a result of more bytes than the call may have';
    if (this.#logBytes > limits.logBytes) return 'more log bytes than the call may have';
    queue.push({ type, data: Uint8Array.from(payload) });
    return null;
  }

  #takeControl(frame: Frame): string | null {
    const fields = parseControl(frame);
    if (fields === null) return `a malformed ${frame.type} frame`;
    if (this.#artifact !== null) this.#closeArtifact();
    switch (frame.type) {
      case 'started':
        return this.#start(fields);
      case 'artifact':
        return this.#openArtifact(fields);
      case 'usage':
        return this.#noteUsage(fields);
      case 'exit':
        return this.#end(fields);
      case 'notStarted':
        return this.#refuse(fields);
      case 'lost':
        this.#options.queue.end(new Lost('the runner lost the call'));
        return null;
      default:
        return `an unexpected ${frame.type} frame`;
    }
  }

  #start(fields: object): string | null {
    const runtime = parseRuntime(fields);
    if (this.#stage !== 'waiting') return 'a second start';
    if (runtime === null) return 'a start that is not understood';
    this.#stage = 'started';
    this.#options.queue.push({ type: 'started', runtime });
    this.#options.onStarted();
    return null;
  }

  #openArtifact(fields: object): string | null {
    const { name } = fieldsOf(fields);
    if (this.#stage !== 'started') return 'an artifact out of turn';
    if (typeof name !== 'string' || !isPlainPath(name)) return 'an artifact without a plain name';
    this.#artifacts += 1;
    if (this.#artifacts > artifactsMax) return 'more artifacts than a call may have';
    this.#artifact = { name, content: new ByteBuffer() };
    return null;
  }

  #closeArtifact(): void {
    if (this.#artifact === null) return;
    const { name, content } = this.#artifact;
    this.#artifact = null;
    this.#options.queue.push({ type: 'artifact', name, data: content.bytes });
  }

  #noteUsage(fields: object): string | null {
    const usage = parseUsage(fields);
    // Without a start where there never was a sandbox: the arguments asked for what cannot be done, or it was cancelled first.
    if (this.#stage === 'used') return 'usage out of turn';
    if (usage === null) return 'usage that is not understood';
    this.#stage = 'used';
    this.#options.queue.push({ type: 'usage', ...usage });
    return null;
  }

  #end(fields: object): string | null {
    const exit = parseExit(fields);
    if (this.#stage !== 'used') return 'an exit out of turn';
    if (exit === null) return 'an exit that is not understood';
    this.#options.queue.push({ type: 'exit', ...exit });
    this.#options.queue.end();
    return null;
  }

  #refuse(fields: object): string | null {
    const refused = parseNotStarted(fields);
    if (refused === null) return 'a refusal that is not understood';
    this.#options.queue.end(new NotStarted(refused.code, refused.message));
    return null;
  }
}
