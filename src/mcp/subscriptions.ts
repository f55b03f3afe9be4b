/**
 * `subscriptions/listen` (2026-07-28): a stream that says when the tools have changed that its own caller sees, and
 * nothing of others. It ends with the connection, with the key, and when the server drains. Trusted: the caller.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import type { ServerEventBus } from '@modelcontextprotocol/server';
import type { Caller } from '../model/principal.ts';
import { visibleTools } from '../policy/visibility.ts';
import type { McpOptions } from './mcp-options.ts';

/** Streams at once. */
export const subscriptionsMax = 256;
const subscriptionsMaxByPrincipal = 8;

/** How often what is new is looked for, milliseconds. */
const lookEveryMs = 1000;

type Listener = Parameters<ServerEventBus['subscribe']>[0];

/** Who listens: known where the SDK subscribes, which it does within the request. */
interface Asking {
  readonly caller: Caller;
  readonly leaving: AbortController;
}

interface Subscription extends Asking {
  readonly listener: Listener;
  /** Of the tools that the caller saw last. */
  digest: string;
}

export class Subscriptions implements ServerEventBus {
  readonly #options: Pick<McpOptions, 'revision' | 'describeTool' | 'isStillActive' | 'isDraining'>;
  readonly #asking = new AsyncLocalStorage<Asking>();
  readonly #open = new Set<Subscription>();
  #timer: NodeJS.Timeout | null = null;
  /** The revision under which all of them were looked at. */
  #seen = '';

  constructor(options: Pick<McpOptions, 'revision' | 'describeTool' | 'isStillActive' | 'isDraining'>) {
    this.#options = options;
  }

  /** Whether one more stream of this principal would be too many. */
  isFull({ principal }: Caller): boolean {
    let count = 0;
    for (const { caller } of this.#open)
      if (caller.principal.id === principal.id && caller.principal.tenant === principal.tenant) count += 1;
    return count >= subscriptionsMaxByPrincipal;
  }

  /** What is subscribed to within `answer` is this caller's, and ends when the signal that it gets says so. */
  within<T>(caller: Caller, answer: (leaving: AbortSignal) => T): T {
    const leaving = new AbortController();
    return this.#asking.run({ caller, leaving }, () => answer(leaving.signal));
  }

  subscribe(listener: Listener): () => void {
    const asking = this.#asking.getStore();
    if (asking === undefined) throw new TypeError('a subscription came from outside of a request');
    if (this.#open.size === 0) this.#seen = this.#options.revision().id;
    const subscription = { ...asking, listener, digest: this.#digestFor(asking.caller) };
    this.#open.add(subscription);
    this.#timer ??= setInterval(() => void this.#look(), lookEveryMs).unref();
    return () => {
      this.#open.delete(subscription);
      if (this.#open.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  }

  /** Nothing here concerns everybody. */
  publish(): never {
    throw new TypeError('what changes is told to those who may know of it, one by one');
  }

  async #look(): Promise<void> {
    const { isDraining, isStillActive, revision } = this.#options;
    const { id } = revision();
    const hasChanged = id !== this.#seen;
    this.#seen = id;
    for (const subscription of this.#open) {
      const { caller, leaving, listener } = subscription;
      if (isDraining() || !(await isStillActive(caller).catch(() => false))) leaving.abort();
      else if (hasChanged) {
        const digest = this.#digestFor(caller);
        if (digest !== subscription.digest) listener({ kind: 'tools_list_changed' });
        subscription.digest = digest;
      }
    }
  }

  /** Of what `tools/list` would show. */
  #digestFor({ principal }: Caller): string {
    const { describeTool, revision } = this.#options;
    const shown = visibleTools(revision(), principal).map(describeTool);
    return createHash('sha256').update(JSON.stringify(shown)).digest('hex');
  }
}
