/** Metric names are a promise to dashboards: a pin test holds them. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const latencyBucketsSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** One helper a business fact, so that a counter and its meaning cannot drift apart. */
export interface Metrics {
  readonly registry: Registry;
  callEnded(tool: string, status: string, runtime: string, seconds: number): void;
  callRefused(code: string): void;
  /** A call on which a shadow policy has something to say. */
  shadowDecided(enforced: string, shadow: string): void;
  findingMade(detector: string, action: string): void;
  httpAnswered(method: string, route: string, status: number, seconds: number): void;
  setRunningCalls(count: () => number): void;
  runnerLost(): void;
  /** A change of policy was tried. */
  policyChanged(outcome: string): void;
  setPolicyStale(isStale: () => boolean): void;
  /** Only where quotas are counted in a store of their own. */
  setQuotaStoreUp(isUp: () => boolean): void;
  quotaStoreLost(): void;
  /** `requested`, then once its final status. */
  approvalMoved(status: string): void;
  setPendingApprovals(count: () => Promise<number>): void;
  setOpenSessions(count: () => number): void;
  /** `delivered`, `failed` (one attempt), `given_up` or `dropped`. */
  webhookSent(outcome: string): void;
  /** `read` is asked at each scrape. */
  setWarmPools(read: () => Promise<readonly WarmPoolReading[]>): void;
}

/** Idle containers of one size on one runner. Counts are since that runner started. */
export interface WarmPoolReading {
  readonly runner: string;
  readonly image: string;
  readonly engineRuntime: string;
  readonly size: number;
  readonly target: number;
  readonly hits: number;
  readonly misses: number;
  readonly spoiled: number;
  readonly refills: number;
  readonly refillMs: number;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const calls = new Counter({
    name: 'sallyport_calls_total',
    help: 'Calls that ran, by final status',
    labelNames: ['tool', 'status', 'runtime'],
    registers,
  });
  const duration = new Histogram({
    name: 'sallyport_call_duration_seconds',
    help: 'From accepted to answered',
    labelNames: ['tool', 'runtime'],
    buckets: latencyBucketsSeconds,
    registers,
  });
  const refused = new Counter({
    name: 'sallyport_calls_refused_total',
    help: 'Calls that ran nothing, by problem code',
    labelNames: ['code'],
    registers,
  });
  const shadows = new Counter({
    name: 'sallyport_policy_shadow_decisions_total',
    help: 'Calls that a shadow rule matches, by what was decided and what would be with the shadow policies enforced',
    labelNames: ['enforced', 'shadow'],
    registers,
  });
  const findings = new Counter({
    name: 'sallyport_boundary_findings_total',
    help: 'Hits of the boundary filter',
    labelNames: ['detector', 'action'],
    registers,
  });
  const http = new Histogram({
    name: 'sallyport_http_request_duration_seconds',
    help: 'HTTP requests',
    labelNames: ['method', 'route', 'status'],
    buckets: latencyBucketsSeconds,
    registers,
  });
  const lost = new Counter({
    name: 'sallyport_runner_lost_total',
    help: 'Times that the runner process went away',
    registers,
  });
  const policyChanges = new Counter({
    name: 'sallyport_policy_changes_total',
    help: 'Reloads and roll-backs of policy, by what came of them',
    labelNames: ['outcome'],
    registers,
  });
  const quotaStoreLost = new Counter({
    name: 'sallyport_quota_store_lost_total',
    help: 'Times that the shared store of quotas was lost',
    registers,
  });
  const approvals = new Counter({
    name: 'sallyport_approvals_total',
    help: 'Approvals, by what happened to them: requested, approved, rejected, expired, voided, cancelled',
    labelNames: ['status'],
    registers,
  });
  const webhooks = new Counter({
    name: 'sallyport_webhook_deliveries_total',
    help: 'Approval webhooks: delivered, failed (one attempt), given_up, dropped',
    labelNames: ['outcome'],
    registers,
  });
  return {
    registry,
    callEnded(tool, status, runtime, seconds) {
      calls.inc({ tool, status, runtime });
      duration.observe({ tool, runtime }, seconds);
    },
    callRefused: (code) => refused.inc({ code }),
    shadowDecided: (enforced, shadow) => shadows.inc({ enforced, shadow }),
    findingMade: (detector, action) => findings.inc({ detector, action }),
    httpAnswered: (method, route, status, seconds) =>
      http.observe({ method, route, status: String(status) }, seconds),
    setRunningCalls(count) {
      void new Gauge({
        name: 'sallyport_calls_running',
        help: 'Calls between intent and outcome',
        registers,
        collect() {
          this.set(count());
        },
      });
    },
    runnerLost: () => lost.inc(),
    policyChanged: (outcome) => policyChanges.inc({ outcome }),
    setPolicyStale(isStale) {
      void new Gauge({
        name: 'sallyport_policy_stale',
        help: '1 while what decides is pinned or is not what the policy files hold',
        registers,
        collect() {
          this.set(isStale() ? 1 : 0);
        },
      });
    },
    setQuotaStoreUp(isUp) {
      void new Gauge({
        name: 'sallyport_quota_store_up',
        help: '1 while the shared store of quotas answers, else 0',
        registers,
        collect() {
          this.set(isUp() ? 1 : 0);
        },
      });
    },
    quotaStoreLost: () => quotaStoreLost.inc(),
    approvalMoved: (status) => approvals.inc({ status }),
    setPendingApprovals(count) {
      void new Gauge({
        name: 'sallyport_approvals_pending',
        help: 'Calls that wait for a person',
        registers,
        async collect() {
          this.set(await count());
        },
      });
    },
    setOpenSessions(count) {
      void new Gauge({
        name: 'sallyport_sessions_open',
        help: 'Containers that keep their state for one principal',
        registers,
        collect() {
          this.set(count());
        },
      });
    },
    webhookSent: (outcome) => webhooks.inc({ outcome }),
    setWarmPools: (read) => registerWarmPools(registry, read),
  };
}

/** Every metric of a scrape comes from one reading. */
function registerWarmPools(registry: Registry, read: () => Promise<readonly WarmPoolReading[]>): void {
  let reading: Promise<readonly WarmPoolReading[]> | null = null;
  const readOnce = (): Promise<readonly WarmPoolReading[]> => {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  const labelNames = ['runner', 'image', 'engine_runtime'];
  type Samples = (pool: WarmPoolReading) => readonly [Readonly<Record<string, string>>, number][];
  const add = (
    Metric: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    samples: Samples,
    more: string[] = [],
  ): void => {
    void new Metric({
      name,
      help,
      labelNames: [...labelNames, ...more],
      registers: [registry],
      async collect() {
        const pools = await readOnce();
        this.reset();
        for (const pool of pools) {
          const labels = { runner: pool.runner, image: pool.image, engine_runtime: pool.engineRuntime };
          for (const [further, value] of samples(pool)) this.inc({ ...labels, ...further }, value);
        }
      },
    });
  };
  add(Gauge, 'sallyport_warm_containers', 'Idle containers now', ({ size }) => [[{}, size]]);
  add(Gauge, 'sallyport_warm_containers_wanted', 'Idle containers that demand asks for', ({ target }) => [
    [{}, target],
  ]);
  add(
    Counter,
    'sallyport_warm_claims_total',
    'Container calls, by whether an idle container was there',
    ({ hits, misses }) => [
      [{ outcome: 'hit' }, hits],
      [{ outcome: 'miss' }, misses],
    ],
    ['outcome'],
  );
  add(Counter, 'sallyport_warm_spoiled_total', 'Idle containers that died unused', ({ spoiled }) => [
    [{}, spoiled],
  ]);
  add(Counter, 'sallyport_warm_refills_total', 'Containers made ahead of need', ({ refills }) => [
    [{}, refills],
  ]);
  add(Counter, 'sallyport_warm_refill_seconds_total', 'Time that took', ({ refillMs }) => [
    [{}, refillMs / 1000],
  ]);
}
