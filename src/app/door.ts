/** The HTTP door over the parts, and how it closes: nothing new, what runs to its end, what does not end cancelled. */
import { isStillActive } from '../api/authenticate.ts';
import { CallFollower } from '../api/follow-call.ts';
import { RequestNotes } from '../api/log-requests.ts';
import { LoopLag } from '../api/loop-lag.ts';
import { LoginFailures } from '../api/login-failures.ts';
import type { OidcVerifier } from '../api/oidc.ts';
import { Problem } from '../api/problem.ts';
import { ReadinessWatch } from '../api/readiness-watch.ts';
import { readReadiness } from '../api/readiness.ts';
import { SharedRates } from '../api/rates/shared-rates.ts';
import { createRoutes } from '../api/routes/index.ts';
import { createHttpServer } from '../api/server.ts';
import { serveMetrics } from '../api/serve-metrics.ts';
import { RecordUnavailable } from '../audit/record.ts';
import { printsAnywhere } from '../calls/fellow-prints.ts';
import { currentCall } from '../calls/current-call.ts';
import { actor } from '../calls/key-ring.ts';
import type { KeyRing } from '../calls/key-ring.ts';
import { Upkeep } from '../calls/upkeep/upkeep.ts';
import type { RunnerGroup } from '../execution/runner/runner-group.ts';
import type { WorkerState } from '../model/fellows.ts';
import type { Caller } from '../model/principal.ts';
import type { CallParts } from './calls.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../calls/call-context.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Foundation } from './foundation.ts';
import { openMcp } from './mcp.ts';
import type { PolicyParts } from './policy.ts';
import { redactStates } from './runners.ts';

/** After the drain time, what a cancelled call may still take to be recorded. */
const cancelMsMax = 10_000;

export interface OpenDoorOptions {
  readonly keys: KeyRing;
  readonly policyParts: PolicyParts;
  readonly callParts: CallParts;
  readonly runners: RunnerGroup;
}

/** Where it really listens. */
export async function openDoor(
  foundation: Foundation,
  { keys, policyParts: { policy, blocks }, callParts, runners }: OpenDoorOptions,
  stack: AsyncDisposableStack,
): Promise<string> {
  const { changes, clock, config, disk, logger, metrics, newId, record, recordedUntilMs, serving } =
    foundation;
  const { tracing, version } = foundation;
  const { approvals, context, detached, files, ownFiles, sessions, uploads } = callParts;
  const { followedSlots, quotas, running, slots } = context;
  const failures = stack.use(new LoginFailures({ record, logger }));
  const authentication = {
    record,
    now: () => clock.now(),
    tokens: await openTokens(config, clock, logger),
    onFailure: (address: string) => failures.count(address),
  };
  const upkeep = stack.use(
    new Upkeep({
      record,
      clock,
      newId,
      redactText: (text) => context.boundary.redactText(text),
      minimumRetentionDays: config.auditMinRetentionDays,
      logger,
    }),
  );
  const { fellows } = serving;
  const prints = printsAnywhere(running, changes, fellows);
  const watched = {
    changes,
    current: (callId: string) => currentCall({ record, prints }, callId),
    isStillActive: (caller: Caller) => isStillActive(authentication, caller),
  };
  const metricsText = serving.publish(metrics.registry);
  const { redisUrl } = config;
  const rates = redisUrl === null ? null : stack.use(SharedRates.open({ url: redisUrl, logger }));
  const notes = new RequestNotes();
  let isDraining = false;
  const readiness = stack.use(
    new ReadinessWatch({
      read: () =>
        readReadiness({
          record: () => record.health(),
          runners: async () =>
            redactStates(await runners.state(), (text) => context.boundary.redactText(text)),
          revision: () => policy.revision,
          policy: () => policy.state,
          blocks: () => blocks.list(),
          quotas: () => quotas.state(),
          rates: () => rates?.state() ?? null,
          clockBehindMs: () => recordedUntilMs - clock.now(),
          hasDiskReserve: disk.hasRoom,
          isDraining: () => isDraining,
          workers: async (own) =>
            // Both ends are of one build, or the supervisor does not know the question.
            ((await fellows?.askSupervisor('workers', own)) ?? null) as readonly WorkerState[] | null,
        }),
      clock,
      logger,
    }),
  );
  metrics.setDependencies(() => readiness.states);
  const lag = stack.use(new LoopLag());
  const server = createHttpServer({
    routes: createRoutes({
      context,
      keys,
      desk: approvals,
      detached,
      sessions,
      files,
      uploads,
      ownFiles,
      follower: new CallFollower(watched),
      current: watched.current,
      prints,
      blocks,
      upkeep,
      policy,
      version,
      readiness: () => readiness.now(),
      notes,
      isDraining: () => isDraining,
      isStillActive: watched.isStillActive,
      metrics: config.metrics === 'on' && config.metricsAddress === null ? metricsText : null,
      openMcp: openMcp(foundation, callParts, watched),
      oauth: config.oidcIssuer === null ? null : { issuer: config.oidcIssuer, publicUrl: config.publicUrl },
    }),
    authentication,
    onScopeDenied: async (caller, scope, route) => {
      const { tenant } = caller.principal;
      await record.write({
        events: [{ type: 'scope_denied', ...actor(caller), tenant, details: { scope, route } }],
      });
    },
    newRequestId: () => newId('req'),
    redactText: (text) => context.boundary.redactText(text),
    isDraining: () => isDraining,
    isBehind: () => lag.isBehind,
    rates,
    notes,
    bodyBytesMax: config.maxBodyBytes,
    trustedProxies: config.trustedProxies ?? [],
    logger,
    metrics,
    tracing,
    problemOfError,
  });
  const { host, port, metricsAddress } = config;
  if (config.metrics === 'on' && metricsAddress !== null && serving.ownsMetricsAddress) {
    const door = stack.use(await serveMetrics(metricsAddress, metricsText));
    logger.info({ url: `${door.url}/metrics` }, 'metrics are served');
  }
  const url = await serving.open(server, { host, port, setting: portSetting(host) });
  readiness.start();
  stack.defer(async () => {
    isDraining = true;
    const runningCalls = slots.runningCount + followedSlots.runningCount;
    logger.info({ runningCalls, drainMs: config.drainMs }, 'draining');
    // Those that are followed were promised their turn: they have the drain time for it.
    slots.refuseWaiting();
    const cancel = setTimeout(() => running.cancelAll(), config.drainMs);
    const served = serving.close(server, config.drainMs + cancelMsMax);
    await running.ended();
    changes.close();
    await served;
    // Nobody may wait for the answer any more, but the outcome belongs to the record.
    await detached[Symbol.asyncDispose]();
    clearTimeout(cancel);
    await sessions.stop();
    await record.write({ events: [{ type: 'stopped', details: { version } }] });
    logger.info({}, 'stopped');
  });
  return url;
}

/** What an operator changes: the port, unless the host was set as well. */
function portSetting(host: string): string {
  return host === '127.0.0.1' ? 'SALLYPORT_PORT' : 'SALLYPORT_HOST and SALLYPORT_PORT';
}

async function openTokens(
  { oidcAudience, oidcIssuer, oidcRolesClaim, oidcScopes, oidcTenantClaim }: Config,
  clock: Clock,
  logger: Logger,
): Promise<OidcVerifier | null> {
  if (oidcIssuer === null || oidcAudience === null || oidcScopes === null) return null;
  const { OidcVerifier } = await import('../api/oidc.ts');
  return new OidcVerifier({
    issuer: oidcIssuer,
    audience: oidcAudience,
    rolesClaim: oidcRolesClaim,
    tenantClaim: oidcTenantClaim,
    scopes: oidcScopes,
    now: () => clock.now(),
    logger,
  });
}

function problemOfError(error: unknown): Problem | null {
  if (!(error instanceof RecordUnavailable)) return null;
  return new Problem(
    'audit_unavailable',
    'The record cannot be written or read, so nothing was done. GET /ready says why.',
    {},
    { cause: error },
  );
}
