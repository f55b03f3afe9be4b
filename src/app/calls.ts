/** What the one path works with, and the desks beside it: sessions, approvals, calls that outlive their request. */
import { createHmac } from 'node:crypto';
import { ThreadedBoundary } from '../boundary/threads/threaded-boundary.ts';
import { ApprovalDesk } from '../calls/approvals/approval-desk.ts';
import { watchExpiry } from '../calls/approvals/expire-approvals.ts';
import { PayloadSeal } from '../calls/approvals/payload-seal.ts';
import { WaitingRoom } from '../calls/approvals/waiting-room.ts';
import { announcePending, ApprovalWebhook } from '../calls/approvals/webhook/approval-webhook.ts';
import { watchOpenCalls } from '../calls/close-open-calls.ts';
import type { CallContext } from '../calls/call-context.ts';
import { tellProgress } from '../calls/fellow-prints.ts';
import { DetachedCalls } from '../calls/detached-calls.ts';
import { openQuotas } from '../calls/open-quotas.ts';
import { RunningCalls } from '../calls/running-calls.ts';
import { LiveSessions } from '../calls/sessions/live-sessions.ts';
import { ownSessions } from '../calls/sessions/session-table.ts';
import { sharedSessions } from '../calls/sessions/shared-sessions.ts';
import { SessionDesk } from '../calls/sessions/session-desk.ts';
import { SessionFiles } from '../calls/sessions/session-files.ts';
import { Slots } from '../calls/slots.ts';
import { followedMemoryBytes } from '../calls/queue-call.ts';
import { fileMemoryBytes } from '../calls/uploads/named-files.ts';
import { OwnFiles } from '../calls/uploads/own-files.ts';
import { TenantRoom } from '../calls/uploads/tenant-room.ts';
import { UploadDesk } from '../calls/uploads/upload-desk.ts';
import { readDataSecret, readWebhookSecret } from '../config/data-secret.ts';
import type { RunnerGroup } from '../execution/runner/runner-group.ts';
import type { RecordStore } from '../audit/record.ts';
import type { Foundation } from './foundation.ts';
import type { PolicyParts } from './policy.ts';

/** Calls between decision and outcome at once, and how many more may wait for a place. */
const slotLimits = { runningMax: 64, waitingMax: 1024, reserve: { places: 32, eachMin: 4 } } as const;

/** Of calls that are followed. Fewer: each may wait for long at the runner, which has so much room. */
const followedSlotLimits = { runningMax: 16, waitingMax: 1024, reserve: { places: 16, eachMin: 2 } } as const;

/** Every call that has a place, or is about to wait for one, may have to. */
const largeIntentLimits = { runningMax: 1, waitingMax: 4096 } as const;

/** What one tenant may have in uploaded files, which go after 24 hours. */
const uploadRoom = { files: 1000, bytes: 2 * 1024 * 1024 * 1024 } as const;

export interface CallParts {
  readonly context: CallContext;
  readonly sessions: SessionDesk;
  readonly files: SessionFiles;
  readonly uploads: UploadDesk;
  readonly ownFiles: OwnFiles;
  readonly approvals: ApprovalDesk;
  readonly detached: DetachedCalls;
}

export async function openCalls(
  foundation: Foundation,
  { policy, boundary, blocks }: PolicyParts,
  runners: RunnerGroup,
  stack: AsyncDisposableStack,
): Promise<CallParts> {
  const {
    changes,
    clock,
    config,
    dataKey,
    disk,
    instance,
    serving,
    logger,
    metrics,
    newId,
    outcomes,
    randomBytes,
    record,
    tracing,
  } = foundation;
  const webhook = openWebhook(foundation, stack);
  const { redisUrl } = config;
  const { revision } = policy;
  const { fellows, index } = serving;
  const registry = fellows === null ? ownSessions() : sharedSessions(fellows);
  const process = index === 1 ? instance : `${instance}-${index}`;
  const quotas = stack.use(await openQuotas({ record, revision, clock, redisUrl, process, metrics, logger }));
  const filter = stack.use(
    new ThreadedBoundary({
      boundary,
      current: () => boundary.options,
      onFailure: (reason, err) => logger.error({ err, reason }, 'the boundary filter failed, input withheld'),
    }),
  );
  const onTaken = (waitedMs: number): void => metrics.callAdmitted(waitedMs / 1000);
  const context: CallContext = {
    revision: () => policy.revision,
    quotas,
    blocks,
    boundary,
    filter,
    executor: runners,
    record,
    outcomes,
    slots: new Slots({ ...slotLimits, onTaken }),
    followedSlots: new Slots({ ...followedSlotLimits, onTaken }),
    largeIntents: new Slots(largeIntentLimits),
    metrics,
    tracing,
    clock,
    newId,
    fingerprint: (body) => createHmac('sha256', dataKey).update(body).digest('hex'),
    hasDiskReserve: disk.hasRoom,
    running: new RunningCalls(tellProgress(changes, fellows)),
    sessions: new LiveSessions({ record, clock, registry }),
    fileMemory: new TenantRoom(fileMemoryBytes),
    followedMemory: new TenantRoom(followedMemoryBytes),
    approvals: {
      seal: new PayloadSeal(config.sealingKey ?? readDataSecret(config.dataDir, 'sealing.key'), randomBytes),
      waitingRoom: new WaitingRoom(record),
      announce: (approval) => webhook?.announce(approval),
    },
    logger,
  };
  foundation.news.add(({ cancelled }) => {
    for (const callId of cancelled) context.running.cancel(callId);
  });
  if (config.databaseUrl !== null) stack.use(watchOpenCalls(context));
  metrics.setRunningCalls(() => context.slots.runningCount + context.followedSlots.runningCount);
  metrics.setWaitingCalls(() => context.slots.waitingCount + context.followedSlots.waitingCount);
  metrics.setOpenLeases(() => quotas.openLeases);
  metrics.setPendingApprovals(() => countPending(record));
  metrics.setOpenSessions(() => registry.count());
  const sessionContext = {
    ...context,
    host: runners,
    fileBytesMax: config.maxFileBytes,
  };
  const sessions = stack.use(await SessionDesk.open(sessionContext));
  stack.use(watchExpiry(context));
  const detached = stack.use(new DetachedCalls({ logger }));
  if (webhook !== null) await announcePending(record, webhook);
  return {
    context,
    sessions,
    files: new SessionFiles(sessionContext, sessions),
    uploads: new UploadDesk({ ...context, fileBytesMax: config.maxFileBytes, roomMax: uploadRoom }),
    ownFiles: new OwnFiles(context),
    approvals: new ApprovalDesk(context, detached),
    detached,
  };
}

function openWebhook(
  { clock, config, logger, metrics, record }: Foundation,
  stack: AsyncDisposableStack,
): ApprovalWebhook | null {
  const { approvalWebhook: url, dataDir } = config;
  if (url === null) return null;
  const secret = readWebhookSecret(dataDir);
  return stack.use(new ApprovalWebhook({ url, secret, record, metrics, clock, logger }));
}

/** A scrape must not fail because the record does: what cannot be counted is not a number. */
async function countPending(record: RecordStore): Promise<number> {
  try {
    return await record.countPendingApprovals(null);
  } catch {
    return Number.NaN;
  }
}
