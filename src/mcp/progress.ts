/** `notifications/progress` of a call that runs: milliseconds, of those that its time limit gives it. */
import type { ProgressToken, ServerContext } from '@modelcontextprotocol/server';
import type { Call } from '../model/call.ts';

const everyMs = 1000;

/** Tells nothing where the client asked for none. Disposing ends it. */
export class Progress implements Disposable {
  readonly #context: ServerContext;
  readonly #token: ProgressToken | undefined;
  #timer: NodeJS.Timeout | null = null;

  constructor(context: ServerContext) {
    this.#context = context;
    this.#token = context.mcpReq._meta?.progressToken;
  }

  begun({ limits }: Call): void {
    if (this.#token === undefined) return;
    const startedAt = performance.now();
    const tell = (): void => {
      const progress = Math.round(performance.now() - startedAt);
      // Compiling and the boundary's work come on top of the code's own time.
      this.#tell(progress, Math.max(limits.timeoutMs, progress));
    };
    tell();
    this.#timer = setInterval(tell, everyMs);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #tell(progress: number, total: number): void {
    const params = { progressToken: this.#token, progress, total, message: 'running' };
    // Nobody reads any more: the call goes on, and its end is what counts.
    this.#context.mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  }
}
