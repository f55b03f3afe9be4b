/** The quota store of this process: rebuilt from its record, and shared over Redis where that is configured. */
import type { RecordStore } from '../audit/record.ts';
import { QuotaLedger } from '../policy/quotas/quota-ledger.ts';
import type { QuotaStore, QuotaStoreState } from '../policy/quotas/quota-store.ts';
import { RedisQuotaStore } from '../policy/quotas/redis-quota-store.ts';
import type { Revision } from '../policy/revision.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { CallContext, Clock } from './call-context.ts';

export interface OpenQuotasOptions {
  /** Calls that an earlier process left open are closed already: what they used is on it. */
  readonly record: Pick<RecordStore, 'quotaUseSince' | 'write'>;
  readonly revision: Pick<Revision, 'quotaWindowMsMax'>;
  readonly clock: Clock;
  readonly redisUrl: string | null;
  /** Names this process among those that share a Redis; the same at every start. */
  readonly process: string;
  readonly metrics: Pick<Metrics, 'setQuotaStoreUp' | 'quotaStoreLost'>;
  readonly logger: CallContext['logger'];
}

/** Resolves also when Redis is not there: it is then lost, which is told as any loss is. */
export async function openQuotas(options: OpenQuotasOptions): Promise<QuotaStore> {
  const { record, revision, clock, redisUrl, process, metrics } = options;
  const ledger = new QuotaLedger();
  await ledger.replay(record.quotaUseSince(clock.now() - revision.quotaWindowMsMax));
  if (redisUrl === null) return ledger;
  const onChange = (state: QuotaStoreState): void => tellOfChange(options, state);
  const store = await RedisQuotaStore.open({ url: redisUrl, process, ledger, onChange });
  metrics.setQuotaStoreUp(() => store.state().state === 'ok');
  return store;
}

function tellOfChange({ record, metrics, logger }: OpenQuotasOptions, change: QuotaStoreState): void {
  const { store, state, reason } = change;
  if (state === 'lost') metrics.quotaStoreLost();
  if (state === 'lost') logger.error({ store, reason }, 'quota store lost');
  else logger.warn({ store }, 'quota store back');
  record
    .write({ events: [{ type: 'quota_store_changed', details: { store, state, reason } }] })
    .catch((error: unknown) => logger.error({ err: error, state }, 'quota_store_changed not recorded'));
}
