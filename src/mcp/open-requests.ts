/** Calls that 2025-11-25 clients wait for: what `notifications/cancelled`, a request of its own there, can end. */
import type { RequestId } from '@modelcontextprotocol/server';
import type { Caller } from '../model/principal.ts';
import type { Exchange } from './mcp-options.ts';

type Cancel = () => void;

export class OpenRequests {
  readonly #cancels = new Map<string, Set<Cancel>>();

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
    for (const cancel of this.#cancels.get(keyOf(caller, sessionId, requestId)) ?? []) cancel();
  }
}

/** The type counts: 1 and "1" are two ids. */
function keyOf({ principal }: Caller, sessionId: string, requestId: RequestId): string {
  return JSON.stringify([principal.tenant, principal.id, sessionId, requestId]);
}
