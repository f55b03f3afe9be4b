/** Looks at the policy files again and again, and has them taken up when they changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivePolicy } from './active-policy.ts';

/** Between two looks. A look at a hundred files costs about a millisecond. */
const lookEveryMs = 1000;
/** Looking takes at most one part in so many of the time, however many files there are. */
const restPerLook = 20;
/** A change that cannot be taken up yet is tried again after 1, 2, 4, … seconds, at most after this many. */
const retryMsMax = 10_000;

export interface PolicyWatchOptions {
  readonly policy: Pick<ActivePolicy, 'isUpToDate' | 'reload' | 'revision'>;
  /** A runner may have forgotten what decides: one that serves several apis keeps the last few that were asked for. */
  readonly holdRevision: (revision: string) => Promise<unknown>;
  readonly logger: { error(fields: object, message: string): void };
}

export class PolicyWatch implements AsyncDisposable {
  readonly #stopped = new AbortController();
  readonly #watching: Promise<void>;

  constructor(options: PolicyWatchOptions) {
    this.#watching = this.#watch(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  async #watch({ policy, holdRevision, logger }: PolicyWatchOptions): Promise<void> {
    let retryMs = lookEveryMs;
    let restMs = lookEveryMs;
    while (await this.#rest(restMs)) {
      const startedAt = performance.now();
      try {
        void holdRevision(policy.revision.id);
        const isUpToDate = await policy.isUpToDate();
        restMs = Math.max(lookEveryMs, (performance.now() - startedAt) * restPerLook);
        const change = isUpToDate ? null : await policy.reload('watch', null);
        retryMs = change?.outcome === 'waiting' ? Math.min(retryMs * 2, retryMsMax) : lookEveryMs;
      } catch (error) {
        retryMs = Math.min(retryMs * 2, retryMsMax);
        logger.error({ err: error }, 'the policy files could not be taken up');
      }
      restMs = Math.max(restMs, retryMs);
    }
  }

  /** False once it is over. */
  async #rest(ms: number): Promise<boolean> {
    try {
      await sleep(ms, undefined, { signal: this.#stopped.signal, ref: false });
      return true;
    } catch {
      return false;
    }
  }
}
