/** Signatures as Standard Webhooks has them (standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme"). */
import { createHmac } from 'node:crypto';

export interface SignedMessage {
  /** The same for every attempt: receivers drop what they have seen. Must hold no full stop. */
  readonly id: string;
  /** Of this attempt; receivers refuse old ones. */
  readonly atMs: number;
  readonly body: string;
}

export function signWebhook(secret: Uint8Array, { id, atMs, body }: SignedMessage): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1000));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
