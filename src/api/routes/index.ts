/** Every endpoint, in the order of API.md. The coverage test walks this list. */
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../model/json.ts';
import type { Caller } from '../../model/principal.ts';
import type { BlockList } from '../../calls/block-list.ts';
import type { CallSources } from '../../calls/current-call.ts';
import type { CallAnswer, CallContext, CallObserver } from '../../calls/call-context.ts';
import type { DetachedCalls } from '../../calls/detached-calls.ts';
import { executeCall } from '../../calls/execute-call.ts';
import { traceCall } from '../../calls/trace-call.ts';
import type { ApprovalDesk } from '../../calls/approvals/approval-desk.ts';
import { cancelCall } from '../../calls/cancel-call.ts';
import type { ActivePolicy } from '../../calls/policy/active-policy.ts';
import type { KeyRing } from '../../calls/key-ring.ts';
import { actor, withoutAddress } from '../../calls/key-ring.ts';
import type { SessionDesk } from '../../calls/sessions/session-desk.ts';
import type { SessionFiles } from '../../calls/sessions/session-files.ts';
import type { OwnFiles } from '../../calls/uploads/own-files.ts';
import type { UploadDesk } from '../../calls/uploads/upload-desk.ts';
import type { Upkeep } from '../../calls/upkeep/upkeep.ts';
import { visibleTools } from '../../policy/visibility.ts';
import type { Call } from '../../model/call.ts';
import type { CallFollower } from '../follow-call.ts';
import type { RequestNote, RequestNotes } from '../log-requests.ts';
import { createOpenApi } from '../openapi.ts';
import { createBodyParser } from '../read-body.ts';
import type { Readiness } from '../readiness-watch.ts';
import { problemDocument, problemOf, withoutSecrets } from '../problem.ts';
import type { Route } from '../route.ts';
import type { MetricsText } from '../serve-metrics.ts';
import { Transfers } from '../transfers.ts';
import { formatTools } from '../tool-formats.ts';
import { decideApprovalRoute, getApprovalRoute, listApprovalsRoute } from './approvals.ts';
import { cancelCallRoute } from './cancel-call.ts';
import { addBlockRoute, listBlocksRoute, removeBlockRoute } from './blocks.ts';
import { activatePolicyRoute, reloadPolicyRoute, unpinPolicyRoute } from './change-policy.ts';
import { createCallRoute } from './create-call.ts';
import { decideRoute } from './decide.ts';
import { docsRoute } from './docs.ts';
import { followCallRoute } from './follow-call.ts';
import { eraseRoute } from './erasures.ts';
import { exportAuditRoute } from './export-audit.ts';
import { getArtifactRoute } from './get-artifact.ts';
import { getAuditCallRoute, getAuditEventRoute } from './get-audit-event.ts';
import { getCallRoute } from './get-call.ts';
import { getPolicyRoute } from './get-policy.ts';
import { createKeyRoute, listKeysRoute, revokeKeyRoute } from './keys.ts';
import { listAuditEventsRoute } from './list-audit-events.ts';
import { listCallsRoute } from './list-calls.ts';
import { listCheckpointsRoute } from './list-checkpoints.ts';
import { listHoldsRoute, releaseHoldRoute, setHoldRoute } from './holds.ts';
import { listToolsRoute } from './list-tools.ts';
import { mcpRoute } from './mcp.ts';
import { challengeWith, oauthMetadataRoutes } from './oauth-metadata.ts';
import type { OauthMetadata } from './oauth-metadata.ts';
import type { McpRouteOptions, McpShared } from './mcp.ts';
import { noteBackupRoute } from './note-backup.ts';
import { healthRoute, metricsRoute, openApiRoute, readyRoute } from './operations.ts';
import { getRevisionRoute, listRevisionsRoute } from './policy-revisions.ts';
import { getFileRoute, listFilesRoute, putFileRoute, removeFileRoute } from './session-files.ts';
import { endSessionRoute, getSessionRoute, listSessionsRoute, openSessionRoute } from './sessions.ts';
import {
  getUploadedFileRoute,
  listUploadedFilesRoute,
  readUploadedFileRoute,
  removeUploadedFileRoute,
  uploadFileRoute,
} from './uploaded-files.ts';
import { tailAuditRoute } from './tail-audit.ts';
import { verifyAuditRoute } from './verify-audit.ts';

export interface RoutesOptions {
  readonly context: CallContext;
  readonly keys: KeyRing;
  readonly desk: ApprovalDesk;
  readonly detached: DetachedCalls;
  readonly sessions: SessionDesk;
  readonly files: SessionFiles;
  readonly uploads: UploadDesk;
  readonly ownFiles: OwnFiles;
  readonly follower: CallFollower;
  /** A call as it stands; null when it is no longer there. */
  readonly current: (callId: string) => Promise<Call | null>;
  /** What has left of a call that runs, wherever it does. */
  readonly prints: CallSources['prints'];
  readonly blocks: BlockList;
  readonly upkeep: Pick<Upkeep, 'erasures' | 'holds'>;
  readonly policy: ActivePolicy;
  readonly readiness: () => Promise<Readiness>;
  readonly notes: RequestNotes;
  readonly isDraining: () => boolean;
  /** Whether a key may still read, for answers that take long. */
  readonly isStillActive: (caller: Caller) => Promise<boolean>;
  /** Null: they are served elsewhere or nowhere. */
  readonly metrics: MetricsText | null;
  readonly version: string;
  /** The MCP door, which does with calls what the HTTP door does. */
  readonly openMcp: (shared: McpShared) => McpRouteOptions;
  /** null: tokens of an authorization server are not taken. */
  readonly oauth: OauthMetadata | null;
}

export function createRoutes(options: RoutesOptions): readonly Route[] {
  const { context, keys, desk, detached, files, follower, sessions } = options;
  const { record } = context;
  const redactText = (text: string): string => context.boundary.redactText(text);
  const bodies = createBodyParser();
  const transfers = new Transfers(context.metrics);
  const recordRead = async (caller: Caller, what: string): Promise<void> => {
    await record.write({
      events: [{ type: 'audit_read', ...actor(caller), tenant: caller.principal.tenant, details: { what } }],
    });
  };
  const recordExport = async (caller: Caller, format: string, filters: readonly string[]): Promise<void> => {
    await record.write({
      events: [
        {
          type: 'exported',
          ...actor(caller),
          tenant: caller.principal.tenant,
          details: { format, filters: [...filters] },
        },
      ],
    });
  };
  const recordArtifactRead = async (caller: Caller, artifactId: string, callId: string): Promise<void> => {
    await record.write({
      events: [
        {
          type: 'artifact_read',
          ...withoutAddress(caller),
          tenant: caller.principal.tenant,
          callId,
          details: { artifactId },
        },
      ],
    });
  };
  const run = async (
    caller: Caller,
    request: Parameters<typeof executeCall>[2],
    observer: CallObserver = {},
  ): ReturnType<typeof executeCall> => {
    // Any other name is anybody's text, and no matter for the log and for traces.
    const tool = context.revision().tools.has(request.tool) ? request.tool : null;
    if (tool !== null) options.notes.add(caller, { tool });
    if (options.isDraining()) return { kind: 'refused', refusal: draining, callId: null };
    const answer = await traceCall(context, caller, tool, () =>
      executeCall(context, caller, request, {
        ...observer,
        begun: (call) => {
          options.notes.add(caller, { callId: call.id, outcome: call.status });
          observer.begun?.(call);
        },
      }),
    );
    options.notes.add(caller, noteOf(answer));
    return answer;
  };
  const newMark = (): string => randomBytes(16).toString('hex');
  const routes: Route[] = [
    createCallRoute({
      bodies,
      executeCall: run,
      detached,
      follower,
      prints: options.prints,
      newMark,
    }),
    listCallsRoute({ record, prints: options.prints }),
    getCallRoute({ record, current: options.current, newMark }),
    followCallRoute({ record, follower }),
    cancelCallRoute({ record, cancel: (caller, stored) => cancelCall(context, caller, stored) }),
    listToolsRoute((principal) => visibleTools(context.revision(), principal)),
    decideRoute(context, bodies),
    uploadFileRoute(options.uploads),
    listUploadedFilesRoute(options.ownFiles),
    getUploadedFileRoute(options.ownFiles),
    readUploadedFileRoute(options.ownFiles, transfers),
    removeUploadedFileRoute(options.ownFiles),
    openSessionRoute({ desk: sessions, bodies, isDraining: options.isDraining }),
    listSessionsRoute(sessions),
    getSessionRoute(sessions),
    endSessionRoute(sessions),
    listFilesRoute(files),
    putFileRoute(files),
    getFileRoute(files, transfers),
    removeFileRoute(files),
    getArtifactRoute({ transfers, record, onRead: recordArtifactRead }),
    listApprovalsRoute(desk),
    getApprovalRoute(desk),
    decideApprovalRoute({ desk, bodies, isDraining: options.isDraining }),
    listAuditEventsRoute({ record, onRead: recordRead }),
    verifyAuditRoute({ record, onRead: recordRead }),
    exportAuditRoute({
      record,
      now: () => context.clock.now(),
      version: options.version,
      onExport: recordExport,
    }),
    listCheckpointsRoute({ record, onRead: recordRead }),
    tailAuditRoute({
      record,
      onRead: recordRead,
      isStillActive: options.isStillActive,
      isDraining: options.isDraining,
    }),
    getAuditEventRoute({ record, onRead: recordRead }),
    getAuditCallRoute({ record, onRead: recordRead }),
    eraseRoute(options.upkeep.erasures, bodies),
    noteBackupRoute({ record, bodies, redactText: (text) => context.boundary.redactText(text) }),
    listHoldsRoute(options.upkeep.holds, recordRead),
    setHoldRoute(options.upkeep.holds, bodies),
    releaseHoldRoute(options.upkeep.holds),
    getPolicyRoute(options.policy),
    listRevisionsRoute(record, options.policy),
    getRevisionRoute(record, options.policy),
    reloadPolicyRoute(options.policy),
    activatePolicyRoute(options.policy, bodies),
    unpinPolicyRoute(options.policy, bodies),
    listBlocksRoute(options.blocks),
    addBlockRoute(options.blocks, bodies),
    removeBlockRoute(options.blocks),
    mcpRoute(
      options.openMcp({
        executeCall: run,
        onArtifactRead: recordArtifactRead,
        describeRefusal: (refusal, callId, requestId) => {
          const problem = withoutSecrets(problemOf(refusal, callId), redactText);
          return problemDocument(problem, requestId) as JsonObject;
        },
        describeTool,
        isStillActive: options.isStillActive,
        isDraining: options.isDraining,
      }),
      transfers,
      options.oauth === null ? null : challengeWith(options.oauth),
    ),
    ...(options.oauth === null ? [] : oauthMetadataRoutes(options.oauth)),
    listKeysRoute(keys),
    createKeyRoute(keys, bodies),
    revokeKeyRoute(keys),
    healthRoute(),
    readyRoute(options.readiness),
    ...(options.metrics === null ? [] : [metricsRoute(options.metrics)]),
    openApiRoute(() => document),
    docsRoute(() => routes, options.version),
  ];
  const document = createOpenApi(routes, options.version);
  return routes;
}

const describeTool: McpShared['describeTool'] = (tool) => formatTools([tool], 'mcp')[0] ?? {};

function noteOf(answer: CallAnswer): RequestNote {
  if (answer.kind === 'call') return { callId: answer.call.id, outcome: answer.call.status };
  return { outcome: answer.refusal.code, ...(answer.callId !== null && { callId: answer.callId }) };
}

const draining = {
  code: 'draining',
  detail: 'The server is shutting down. Nothing was run; try again on another node or shortly.',
} as const;
