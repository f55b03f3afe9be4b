/**
 * Tells an address of the operator's that a call waits for a person: who, what, why, until when, and never the
 * arguments. Beside the path: a receiver that is slow, broken or gone holds up nothing. At least once, in memory: what
 * a stop leaves undelivered is told again at the next start, under the same id.
 */
import type { RecordStore } from '../../../audit/record.ts';
import type { Approval } from '../../../model/approval.ts';
import type { JsonObject } from '../../../model/json.ts';
import type { Metrics } from '../../../telemetry/metrics.ts';
import type { Clock } from '../../call-context.ts';
import { approvalView } from '../approval-view.ts';
import { postWebhook } from './post-webhook.ts';
import type { Attempt } from './post-webhook.ts';
import { signWebhook } from './sign-webhook.ts';

/** Waits before the second attempt and each after it. Together about ten minutes, the length of most approvals. */
const retryDelaysMs: readonly number[] = [1_000, 5_000, 30_000, 120_000, 450_000];
/** Under way or waiting for another attempt. Beyond it an approval is not told, which the log and a metric say. */
const deliveriesMax = 1_000;
const attemptsAtOnceMax = 4;

export interface ApprovalWebhookOptions {
  readonly url: URL;
  readonly secret: Uint8Array;
  readonly record: Pick<RecordStore, 'getApproval' | 'write'>;
  readonly metrics: Pick<Metrics, 'webhookSent'>;
  readonly clock: Clock;
  readonly logger: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  readonly retryDelaysMs?: readonly number[];
  readonly deliveriesMax?: number;
}

interface Delivery {
  readonly approval: Approval;
  readonly body: string;
  attempts: number;
}

export class ApprovalWebhook implements AsyncDisposable {
  readonly #options: ApprovalWebhookOptions;
  readonly #delays: readonly number[];
  readonly #stop = new AbortController();
  readonly #ready: Delivery[] = [];
  readonly #retries = new Set<NodeJS.Timeout>();
  readonly #attempts = new Set<Promise<void>>();

  constructor(options: ApprovalWebhookOptions) {
    this.#options = options;
    this.#delays = options.retryDelaysMs ?? retryDelaysMs;
  }

  /** Returns at once, never throws. */
  announce(approval: Approval): void {
    if (this.#stop.signal.aborted) return;
    const { deliveriesMax: max = deliveriesMax, metrics, logger } = this.#options;
    if (this.#ready.length + this.#retries.size + this.#attempts.size >= max) {
      metrics.webhookSent('dropped');
      logger.error({ approvalId: approval.id }, 'too many webhooks wait; approvers are not told of this one');
      return;
    }
    this.#ready.push({ approval, body: messageOf(approval), attempts: 0 });
    this.#work();
  }

  /** Ends attempts under way, and lets what is to be recorded of them be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#retries) clearTimeout(timer);
    this.#ready.length = 0;
    await Promise.allSettled(this.#attempts);
  }

  #work(): void {
    while (this.#attempts.size < attemptsAtOnceMax) {
      const delivery = this.#ready.shift();
      if (delivery === undefined) return;
      const attempt = this.#attempt(delivery).catch((error: unknown) => {
        this.#options.logger.error({ err: error, approvalId: delivery.approval.id }, 'webhook lost');
      });
      this.#attempts.add(attempt);
      void attempt.finally(() => {
        this.#attempts.delete(attempt);
        this.#work();
      });
    }
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { url, secret, clock, metrics, logger, record } = this.#options;
    const { approval, body } = delivery;
    // Decided in the meantime: nobody has to come.
    if ((await record.getApproval(approval.id))?.status !== 'pending') return;
    delivery.attempts += 1;
    const headers = signWebhook(secret, { id: approval.id, atMs: clock.now(), body });
    const attempt = await postWebhook({ url, headers, body, signal: this.#stop.signal });
    if (attempt.isDelivered) {
      metrics.webhookSent('delivered');
      return this.#recordEnd(delivery, attempt, 'delivered');
    }
    if (this.#stop.signal.aborted) return;
    metrics.webhookSent('failed');
    const { attempts } = delivery;
    logger.warn({ approvalId: approval.id, attempts, problem: attempt.problem }, 'webhook not delivered');
    const delayMs = this.#delays[attempts - 1];
    // The receiver says that it wants no more of these (Standard Webhooks, "Delivery success and failure").
    if (delayMs !== undefined && attempt.status !== 410) return this.#retryAfter(delayMs, delivery);
    metrics.webhookSent('given_up');
    logger.error({ approvalId: approval.id, attempts }, 'webhook given up: approvers were not told');
    return this.#recordEnd(delivery, attempt, 'given_up');
  }

  #retryAfter(delayMs: number, delivery: Delivery): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      this.#ready.push(delivery);
      this.#work();
    }, delayMs);
    timer.unref();
    this.#retries.add(timer);
  }

  async #recordEnd(delivery: Delivery, attempt: Attempt, outcome: string): Promise<void> {
    const { url, record } = this.#options;
    const { approval, attempts, body } = delivery;
    const details: JsonObject = {
      purpose: 'webhook',
      approvalId: approval.id,
      host: url.hostname,
      port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
      address: attempt.address,
      bytes: Buffer.byteLength(body),
      attempts,
      status: attempt.status,
      outcome,
      problem: attempt.problem,
    };
    const { callId, tenant, tool } = approval;
    await record.write({ events: [{ type: 'egress', callId, tenant, tool, details }] });
  }
}

function messageOf(approval: Approval): string {
  const { decidedAt: _at, decidedBy: _by, reason: _reason, ...data } = approvalView(approval);
  const timestamp = new Date(approval.requestedAtMs).toISOString();
  return JSON.stringify({ type: 'approval.requested', timestamp, data });
}

/** Whoever was told before a stop is told once more, under the same id; nobody else learns of what waited through it. */
export async function announcePending(
  record: Pick<RecordStore, 'listApprovals'>,
  webhook: ApprovalWebhook,
): Promise<void> {
  const waiting = await record.listApprovals({ status: 'pending', limit: deliveriesMax });
  for (const approval of waiting.toReversed()) webhook.announce(approval);
}
