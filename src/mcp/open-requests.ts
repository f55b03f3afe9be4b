/** Calls that 2025-11-25 clients wait for: what `notifications/cancelled`, a request of its own there, can end. */
import type { RequestId } from '@modelcontextprotocol/server';
import type { Fellows } from '../model/fellows.ts';
import type { Caller } from '../model/principal.ts';
import type { Exchange } from './mcp-options.ts';

type Cancel = () => void;

const cancelTopic = 'mcp.cancel';

export class OpenRequests {
  readonly #cancels = new Map<string, Set<Cancel>>();
  readonly #fellows: Fellows | null;

  /** A notification may come to another process than the request that it means. */
  constructor(fellows: Fellows | null) {
    this.#fellows = fellows;
    fellows?.onAsked(cancelTopic, (key) => {
      if (typeof key === 'string') this.#cancel(key);
      return null;
    });
  }

  /** Of a client without a session nothing is kept: its ids cannot be told from those of another client with its key. */
  enter({ caller, sessionId }: Exchange, requestId: RequestId, cancel: Cancel): Disposable {
    if (sessionId === null) return { [Symbol.dispose]: () => {} };
    const key = keyOf(caller, sessionId, requestId);
    const cancels = this.#cancels.get(key) ?? new Set();
    cancels.add(cancel);
    this.#cancels.set(key, cancels);
    return {
      [Symbol.dispose]: () => {
        cancels.delete(cancel);
        if (cancels.size === 0) this.#cancels.delete(key);
      },
    };
  }

  cancel({ caller, sessionId }: Exchange, requestId: RequestId): void {
    if (sessionId === null) return;
    const key = keyOf(caller, sessionId, requestId);
    this.#cancel(key);
    void this.#fellows?.askOthers(cancelTopic, key);
  }

  #cancel(key: string): void {
    for (const cancel of this.#cancels.get(key) ?? []) cancel();
  }
}

/** The type counts: 1 and "1" are two ids. */
function keyOf({ principal }: Caller, sessionId: string, requestId: RequestId): string {
  return JSON.stringify([principal.tenant, principal.id, sessionId, requestId]);
}
