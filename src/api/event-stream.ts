/**
 * Server-sent events (HTML standard, 9.2) on one response. Hostile: a client that does not read. What waits for it is
 * bounded by one event; a client that takes nothing for a while is cut off and may resume where it was.
 */
import { once } from 'node:events';
import type { Response } from 'express';

/** Proxies close what is silent; a comment line keeps it open. */
const keepAliveMs = 15_000;
/** How long a full socket may stay full. */
const stalledMsMax = 30_000;

export interface ServerSentEvent {
  readonly id: string;
  readonly type: string;
  readonly data: object;
}

export class EventStream implements Disposable {
  readonly #response: Response;
  readonly #keepAlive: NodeJS.Timeout;
  readonly #gone = new AbortController();

  /** Sends the head of the answer. */
  constructor(response: Response) {
    this.#response = response;
    response
      .status(200)
      .set('Content-Type', 'text/event-stream; charset=utf-8')
      .set('Cache-Control', 'no-store')
      // nginx buffers answers otherwise.
      .set('X-Accel-Buffering', 'no')
      .flushHeaders();
    response.once('close', () => this.#gone.abort());
    this.#keepAlive = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    }, keepAliveMs);
  }

  /** The client is gone, or was cut off. */
  get isClosed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  /** Resolves when there is room for the next. False when the client is gone. JSON has no line breaks, so one data line holds it. */
  async send({ id, type, data }: ServerSentEvent): Promise<boolean> {
    if (this.isClosed) return false;
    if (this.#response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)) return true;
    try {
      await once(this.#response, 'drain', {
        signal: AbortSignal.any([AbortSignal.timeout(stalledMsMax), this.#gone.signal]),
      });
    } catch {
      this.#response.destroy();
    }
    return !this.isClosed;
  }

  /** Called once, when the client hangs up. */
  onClosed(tell: () => void): void {
    this.#gone.signal.addEventListener('abort', tell, { once: true });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#keepAlive);
    this.#response.end();
  }
}
