/** Every endpoint, in the order of API.md. The coverage test walks this list. */
import type { Caller } from '../../model/principal.ts';
import type { BlockList } from '../../calls/block-list.ts';
import type { CallContext } from '../../calls/call-context.ts';
import { executeCall } from '../../calls/execute-call.ts';
import type { ActivePolicy } from '../../calls/policy/active-policy.ts';
import type { KeyRing } from '../../calls/key-ring.ts';
import { actor } from '../../calls/key-ring.ts';
import { visibleTools } from '../../policy/visibility.ts';
import { createOpenApi } from '../openapi.ts';
import { createBodyParser } from '../read-body.ts';
import type { Readiness } from '../readiness.ts';
import type { Route } from '../route.ts';
import { addBlockRoute, listBlocksRoute, removeBlockRoute } from './blocks.ts';
import { activatePolicyRoute, reloadPolicyRoute, unpinPolicyRoute } from './change-policy.ts';
import { createCallRoute } from './create-call.ts';
import { decideRoute } from './decide.ts';
import { getArtifactRoute } from './get-artifact.ts';
import { getCallRoute } from './get-call.ts';
import { getPolicyRoute } from './get-policy.ts';
import { createKeyRoute, listKeysRoute, revokeKeyRoute } from './keys.ts';
import { listAuditEventsRoute } from './list-audit-events.ts';
import { listToolsRoute } from './list-tools.ts';
import { healthRoute, metricsRoute, openApiRoute, readyRoute } from './operations.ts';
import { getRevisionRoute, listRevisionsRoute } from './policy-revisions.ts';
import { verifyAuditRoute } from './verify-audit.ts';

export interface RoutesOptions {
  readonly context: CallContext;
  readonly keys: KeyRing;
  readonly blocks: BlockList;
  readonly policy: ActivePolicy;
  readonly readiness: () => Promise<Readiness>;
  readonly isDraining: () => boolean;
  readonly servesMetrics: boolean;
  readonly version: string;
}

export function createRoutes(options: RoutesOptions): readonly Route[] {
  const { context, keys } = options;
  const { record } = context;
  const bodies = createBodyParser();
  const recordRead = async (caller: Caller, what: string): Promise<void> => {
    await record.write({
      events: [{ type: 'audit_read', ...actor(caller), tenant: caller.principal.tenant, details: { what } }],
    });
  };
  const recordArtifactRead = async (caller: Caller, artifactId: string, callId: string): Promise<void> => {
    await record.write({
      events: [
        {
          type: 'artifact_read',
          ...actor(caller),
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
  ): ReturnType<typeof executeCall> =>
    options.isDraining()
      ? { kind: 'refused', refusal: draining, callId: null }
      : executeCall(context, caller, request);
  const routes: Route[] = [
    createCallRoute({ bodies, executeCall: run }),
    getCallRoute(record),
    listToolsRoute((principal) => visibleTools(context.revision(), principal)),
    decideRoute(context, bodies),
    getArtifactRoute({ record, onRead: recordArtifactRead }),
    listAuditEventsRoute({ record, onRead: recordRead }),
    verifyAuditRoute({ record, onRead: recordRead }),
    getPolicyRoute(options.policy),
    listRevisionsRoute(record, options.policy),
    getRevisionRoute(record, options.policy),
    reloadPolicyRoute(options.policy),
    activatePolicyRoute(options.policy, bodies),
    unpinPolicyRoute(options.policy, bodies),
    listBlocksRoute(options.blocks),
    addBlockRoute(options.blocks, bodies),
    removeBlockRoute(options.blocks),
    listKeysRoute(keys),
    createKeyRoute(keys, bodies),
    revokeKeyRoute(keys),
    healthRoute(),
    readyRoute(options.readiness),
    ...(options.servesMetrics ? [metricsRoute(context.metrics.registry)] : []),
    openApiRoute(() => document),
  ];
  const document = createOpenApi(routes, options.version);
  return routes;
}

const draining = {
  code: 'draining',
  detail: 'The server is shutting down. Nothing was run; try again on another node or shortly.',
} as const;
