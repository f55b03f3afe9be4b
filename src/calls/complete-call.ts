/** The outcome: durable with its artifacts before the answer leaves. */
import type { RecordWrite, StoredArtifact } from '../audit/record.ts';
import type { Artifact, Call, Usage } from '../model/call.ts';
import { createHash } from 'node:crypto';
import { settledDraws } from '../policy/quotas/quota-units.ts';
import type { MeasuredUse } from '../policy/quotas/quota-units.ts';
import type { BegunCall } from './begin-call.ts';
import { callEvent } from './begin-call.ts';
import type { CallAnswer, CallContext } from './call-context.ts';
import { decoyEvents } from './decoy-alert.ts';
import type { FilteredRun } from './filter-run.ts';
import { joinReports } from './join-reports.ts';
import { taintDetails, taintsToSet } from './taint-ledger.ts';
import { taintsOf } from '../boundary/taints.ts';
import { boundaryProfiles } from './check-arguments.ts';
import type { Taint } from '../model/taint.ts';

/** How long an artifact can be fetched. */
const artifactKeptMs = 24 * 3600 * 1000;

/** `waitedMs`: for its place here, before the intent; what it waited for at the runner comes on top in `usage.queueMs`. */
export async function completeCall(
  context: CallContext,
  begun: BegunCall,
  run: FilteredRun,
  waitedMs: number,
): Promise<CallAnswer> {
  const artifacts = run.content.artifacts.map((artifact) => storedArtifact(context, begun, artifact));
  const call = endedCall(context, begun, run, waitedMs, artifacts);
  const isDurable = await context.outcomes.write(
    outcomeWrite(begun, call, artifacts, run, taintsOfOutcome(context, begun, run)),
  );
  const seconds = (context.clock.now() - Date.parse(call.startedAt ?? call.createdAt)) / 1000;
  context.metrics.callEnded(call.tool, isDurable ? call.status : 'unknown', begun.tool.runtime.kind, seconds);
  return { kind: 'call', call: isDurable ? call : withoutOutcome(begun.call), isReplay: false };
}

/** Nothing of an outcome leaves before it is durable, not even how it ended. */
function withoutOutcome(call: Call): Call {
  const message = 'The call ended, but its outcome could not be made durable yet; ask for it again later.';
  return { ...call, status: 'unknown', error: { name: 'RecordUnavailable', message } };
}

function endedCall(
  context: CallContext,
  begun: BegunCall,
  run: FilteredRun,
  waitedMs: number,
  artifacts: readonly StoredArtifact[],
): Call {
  const { result, error, stdout, stderr } = run.content;
  const usage: Usage | null =
    run.used === null
      ? null
      : {
          queueMs: Math.round(waitedMs + run.startedAfterMs),
          wallMs: toMicroseconds(run.used.wallMs),
          cpuMs: toMicroseconds(run.used.cpuMs),
          memoryPeakBytes: run.used.memoryPeakBytes,
          outputBytes: run.used.outputBytes,
        };
  return {
    ...begun.call,
    status: run.status,
    result,
    error,
    output: { stdout, stderr, truncated: run.truncated },
    artifacts: artifacts.map(shownArtifact),
    boundary: joinReports(begun.inbound.report, run.boundary),
    runtime: run.runtime,
    usage,
    finishedAt: new Date(context.clock.now()).toISOString(),
  };
}

/** Finer than a microsecond is noise. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What the filter found in it; what its tool says of itself was set with the intent. */
function taintsOfOutcome(context: CallContext, begun: BegunCall, run: FilteredRun): readonly Taint[] {
  const { caller, decided, request, revision } = begun;
  const names = taintsOf(run.boundary.findings, boundaryProfiles(revision, decided));
  return taintsToSet(context, caller.principal, request.session, names);
}

function outcomeWrite(
  begun: BegunCall,
  call: Call,
  artifacts: readonly StoredArtifact[],
  { left, used }: FilteredRun,
  taints: readonly Taint[],
): RecordWrite {
  const owner = { tenant: begun.caller.principal.tenant, principal: begun.caller.principal.id };
  return {
    events: [
      {
        type: 'outcome',
        ...callEvent(begun),
        status: call.status,
        runtime: call.runtime,
        usage: call.usage,
        quotas: settledDraws(begun.decided.decision.quotas, useOf(call, used)),
        boundary: call.boundary,
        details: {
          artifacts: call.artifacts.map(({ id, mediaType, sizeBytes }) => ({ id, mediaType, sizeBytes })),
          truncated: call.output.truncated.map((truncation) => ({ ...truncation })),
          ...(left === null ? {} : { leftEarly: { ...left } }),
          ...taintDetails(taints),
        },
        content: {
          result: call.result,
          error: call.error === null ? null : { ...call.error },
          output: { stdout: call.output.stdout, stderr: call.output.stderr },
          artifactNames: call.artifacts.map(({ name, sha256 }) => ({ name, sha256 })),
        },
      },
      ...decoyEvents(call.boundary?.findings ?? [], callEvent(begun)),
    ],
    calls: [{ call, ...owner }],
    ...(taints.length === 0 ? {} : { taints }),
    artifacts,
  };
}

/** With times as exact as the record has them. */
function useOf({ usage }: Call, used: FilteredRun['used']): MeasuredUse | null {
  return usage === null || used === null ? null : { ...usage, artifactBytes: used.artifactBytes };
}

function storedArtifact(
  context: CallContext,
  begun: BegunCall,
  artifact: FilteredRun['content']['artifacts'][number],
): StoredArtifact {
  return {
    id: context.newId('art'),
    callId: begun.callId,
    tenant: begun.caller.principal.tenant,
    principal: begun.caller.principal.id,
    name: artifact.name,
    mediaType: artifact.mediaType,
    data: artifact.data,
    sha256: createHash('sha256').update(artifact.data).digest('hex'),
    expiresAtMs: context.clock.now() + artifactKeptMs,
  };
}

function shownArtifact(artifact: StoredArtifact): Artifact {
  const { id, name, mediaType, sha256, data, expiresAtMs } = artifact;
  return {
    id,
    name,
    mediaType,
    sizeBytes: data.length,
    sha256,
    url: `/v1/artifacts/${id}`,
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
}
