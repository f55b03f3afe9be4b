/** What a call has for itself: its session, and its part of quotas. Leaving its scope gives both back. */
import type { CallStart } from './begin-call.ts';
import type { CallContext } from './call-context.ts';
import { leaseQuota } from './lease-quota.ts';
import type { QuotaLease } from './lease-quota.ts';
import type { MeasuredUse } from '../policy/quotas/quota-units.ts';
import { isRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { claimSession } from './sessions/claim-session.ts';
import type { SessionClaim } from './sessions/live-sessions.ts';

export class Hold implements AsyncDisposable {
  #session: SessionClaim | null = null;
  #lease: QuotaLease | null = null;

  /** Null when the call asks for none. */
  get session(): SessionClaim | null {
    return this.#session;
  }

  /** Both or neither. Null when it has them. */
  async take(
    context: CallContext,
    { callId, caller, decided, request, tool }: CallStart,
  ): Promise<Refusal | null> {
    const session = await claimSession(context, caller, request, tool);
    if (isRefusal(session)) return session;
    this.#session = session;
    const lease = await leaseQuota(context, decided, { callId, tenant: caller.principal.tenant });
    if (!isRefusal(lease)) {
      this.#lease = lease;
      return null;
    }
    await this.giveBack();
    return lease;
  }

  /** What the call used; null: not known. */
  ran(use: MeasuredUse | null): void {
    this.#lease?.ran(use);
  }

  /** Nothing ran: quotas are as before. */
  cancel(): void {
    this.#lease?.cancel();
  }

  /** The call waits, and runs nothing: others may have both meanwhile. */
  async giveBack(): Promise<void> {
    this.cancel();
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lease = this.#lease;
    this.#lease = null;
    this.#session?.[Symbol.dispose]();
    this.#session = null;
    await lease?.[Symbol.asyncDispose]();
  }
}
