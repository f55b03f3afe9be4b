/** What a start writes to the record, and who signs it from then on. */
import { createHash } from 'node:crypto';
import { createAnchor } from '../audit/checkpoints/anchors.ts';
import { Checkpointer } from '../audit/checkpoints/checkpointer.ts';
import { signingKey } from '../audit/checkpoints/signing-key.ts';
import { closeOpenCalls } from '../calls/close-open-calls.ts';
import { ensureFirstKeys } from '../calls/first-keys.ts';
import type { KeyRing } from '../calls/key-ring.ts';
import type { ActivePolicy } from '../calls/policy/active-policy.ts';
import type { LoadedConfig } from '../config/config.ts';
import { readDataSecret } from '../config/data-secret.ts';
import type { RevisionClaim } from '../policy/load/read-claim.ts';
import type { Foundation } from './foundation.ts';

/** Ends what an earlier process left open, then says that this one starts, and what decides from now on. */
export async function recordStart(
  foundation: Foundation,
  { sources }: LoadedConfig,
  { keys, policy, claimed }: { keys: KeyRing; policy: ActivePolicy; claimed: RevisionClaim | null },
): Promise<void> {
  const { clock, config, logger, record, version } = foundation;
  const closed = await closeOpenCalls(record, clock);
  if (closed > 0) logger.warn({ calls: closed }, 'open calls of an earlier process closed');
  const { dataDir, bootstrapKey, isolateConfinement: confinement } = config;
  const written = await ensureFirstKeys({ dataDir, record, keys, bootstrapKey });
  for (const file of written) logger.info({ file }, 'first key written');
  const previous = (await record.policyState())?.revision ?? null;
  const shown = sources.map(({ name, shown }) => `${name}=${shown}`).join('\n');
  const configDigest = `sha256:${createHash('sha256').update(shown).digest('hex')}`;
  const details = { version, revision: policy.revision.id, configDigest, confinement };
  await record.write({ events: [{ type: 'started', details }] });
  await policy.recordStart(previous, claimed);
}

/** Signs what the record holds by now, and what comes. */
export function startCheckpoints({
  clock,
  config,
  logger,
  record,
  writer,
}: Foundation): Promise<Checkpointer> {
  const { auditSigningKey, auditAnchor, auditCheckpointMs, dataDir } = config;
  const previous = auditSigningKey?.previous ?? null;
  return Checkpointer.start({
    record,
    writer,
    clock,
    logger,
    key: signingKey(auditSigningKey?.key ?? readDataSecret(dataDir, 'signing.key')),
    previousKey: previous === null ? null : signingKey(previous),
    anchors: (auditAnchor ?? []).map(createAnchor),
    everyMs: auditCheckpointMs,
  });
}
