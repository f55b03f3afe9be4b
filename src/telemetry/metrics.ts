/** Metric names are a promise to dashboards: a pin test holds them. Durations are in seconds. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { latencyBuckets, waitBuckets, workBuckets } from './metrics/buckets.ts';
import { boundedLabel } from './metrics/labels.ts';
import { registerRunners } from './metrics/runner-metrics.ts';
import type { RunnerReading } from './metrics/runner-metrics.ts';

/** Tools that are told apart, in the order in which they are called. */
const toolsMax = 200;

/** One helper a business fact, so that a counter and its meaning cannot drift apart. */
export interface Metrics {
  readonly registry: Registry;
  callEnded(tool: string, status: string, runtime: string, seconds: number): void;
  /** `tool` null: the request named none that there is. */
  callRefused(code: string, tool?: string | null): void;
  /** A call got a place to run, after this long. */
  callAdmitted(seconds: number): void;
  /** Policy, or the kill switch, decided about a call or answered a question about one. */
  decided(effect: string, seconds: number): void;
  /** A call on which a shadow policy has something to say. */
  shadowDecided(enforced: string, shadow: string): void;
  /** `leased`, `used_up`, `no_room` or `store_lost`. */
  quotaAsked(outcome: string, seconds: number): void;
  findingMade(detector: string, action: string): void;
  /** `arguments` or `output`. */
  filtered(what: string, seconds: number): void;
  /** `stored`, `contradicted` or `failed`. */
  recordWritten(outcome: string, seconds: number): void;
  httpAnswered(method: string, route: string, status: number, seconds: number): void;
  /** Refused before it was looked at: `connections`, `pipelining`, `turns`, `downloads` or `event_loop`. */
  doorShed(reason: string): void;
  runnerLost(): void;
  /** A change of policy was tried. */
  policyChanged(outcome: string): void;
  quotaStoreLost(): void;
  /** `requested`, then once its final status. */
  approvalMoved(status: string): void;
  /** `delivered`, `failed` (one attempt), `given_up` or `dropped`. */
  webhookSent(outcome: string): void;
  setRunningCalls(count: () => number): void;
  setWaitingCalls(count: () => number): void;
  setOpenLeases(count: () => number): void;
  setPolicyStale(isStale: () => boolean): void;
  /** Only where quotas are counted in a store of their own. */
  setQuotaStoreUp(isUp: () => boolean): void;
  setPendingApprovals(count: () => Promise<number>): void;
  setOpenSessions(count: () => Promise<number>): void;
  setDiskRoom(isEnough: () => boolean): void;
  /** As they were last seen. */
  setDependencies(states: () => readonly { readonly name: string; readonly state: string }[]): void;
  /** Asked at each scrape. */
  setRunners(read: () => Promise<RunnerReading>): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  // Event loop, heap, garbage collection, descriptors.
  collectDefaultMetrics({ register: registry });
  return { registry, ...createCounters(registry), ...createGauges(registry) };
}

type Counters = Omit<Metrics, 'registry' | keyof Gauges>;

function createCounters(registry: Registry): Counters {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: string[] = [],
  ): Histogram => new Histogram({ name, help, labelNames, buckets: [...buckets], registers });
  const toolLabel = boundedLabel(toolsMax);

  const calls = counter('sallyport_calls_total', 'Calls that ran, by final status', [
    'tool',
    'status',
    'runtime',
  ]);
  const duration = histogram('sallyport_call_duration_seconds', 'From accepted to answered', latencyBuckets, [
    'tool',
    'status',
    'runtime',
  ]);
  const refused = counter('sallyport_calls_refused_total', 'Calls that ran nothing, by problem code', [
    'tool',
    'code',
  ]);
  const queue = histogram(
    'sallyport_call_queue_duration_seconds',
    'How long calls waited for a place to run',
    latencyBuckets,
  );
  const decisions = histogram(
    'sallyport_decision_duration_seconds',
    'Decisions of policy, by what it said',
    workBuckets,
    ['effect'],
  );
  const shadows = counter(
    'sallyport_policy_shadow_decisions_total',
    'Calls that a shadow rule matches, by what was decided and what would be with the shadow policies enforced',
    ['enforced', 'shadow'],
  );
  const leases = histogram(
    'sallyport_quota_lease_duration_seconds',
    'Leases of quota, by what came of them: leased, used_up, no_room, store_lost',
    waitBuckets,
    ['outcome'],
  );
  const findings = counter('sallyport_boundary_findings_total', 'Hits of the boundary filter', [
    'detector',
    'action',
  ]);
  const filter = histogram(
    'sallyport_boundary_filter_duration_seconds',
    'Time in the filter, for arguments and for what calls yield',
    waitBuckets,
    ['what'],
  );
  const record = histogram(
    'sallyport_record_write_duration_seconds',
    'Writes of the record until they are durable: stored, contradicted, failed',
    waitBuckets,
    ['outcome'],
  );
  const http = histogram('sallyport_http_request_duration_seconds', 'HTTP requests', latencyBuckets, [
    'method',
    'route',
    'status',
  ]);
  const shed = counter(
    'sallyport_http_shed_total',
    'Turned away at the door: connections and requests beyond what one address, connection or tenant may have waiting, downloads beyond what memory may hold, requests while the event loop is behind',
    ['reason'],
  );
  const lost = counter('sallyport_runner_lost_total', 'Times that the runner process went away');
  const policyChanges = counter(
    'sallyport_policy_changes_total',
    'Reloads and roll-backs of policy, by what came of them',
    ['outcome'],
  );
  const quotaStoreLost = counter(
    'sallyport_quota_store_lost_total',
    'Times that the shared store of quotas was lost',
  );
  const approvals = counter(
    'sallyport_approvals_total',
    'Approvals, by what happened to them: requested, approved, rejected, expired, voided, cancelled',
    ['status'],
  );
  const webhooks = counter(
    'sallyport_webhook_deliveries_total',
    'Approval webhooks: delivered, failed (one attempt), given_up, dropped',
    ['outcome'],
  );
  return {
    callEnded(name, status, runtime, seconds) {
      const tool = toolLabel(name);
      calls.inc({ tool, status, runtime });
      duration.observe({ tool, status, runtime }, seconds);
    },
    callRefused: (code, tool = null) => refused.inc({ code, tool: tool === null ? '' : toolLabel(tool) }),
    callAdmitted: (seconds) => queue.observe(seconds),
    decided: (effect, seconds) => decisions.observe({ effect }, seconds),
    shadowDecided: (enforced, shadow) => shadows.inc({ enforced, shadow }),
    quotaAsked: (outcome, seconds) => leases.observe({ outcome }, seconds),
    findingMade: (detector, action) => findings.inc({ detector, action }),
    filtered: (what, seconds) => filter.observe({ what }, seconds),
    recordWritten: (outcome, seconds) => record.observe({ outcome }, seconds),
    httpAnswered: (method, route, status, seconds) =>
      http.observe({ method, route, status: String(status) }, seconds),
    doorShed: (reason) => shed.inc({ reason }),
    runnerLost: () => lost.inc(),
    policyChanged: (outcome) => policyChanges.inc({ outcome }),
    quotaStoreLost: () => quotaStoreLost.inc(),
    approvalMoved: (status) => approvals.inc({ status }),
    webhookSent: (outcome) => webhooks.inc({ outcome }),
  };
}

type Gauges = Pick<Metrics, Extract<keyof Metrics, `set${string}`>>;

/** How several processes are told as one: counts are summed; of a flag the worst holds. */
type Aggregator = 'sum' | 'max' | 'min';

function createGauges(registry: Registry): Gauges {
  const gauge = (
    name: string,
    help: string,
    aggregator: Aggregator,
    read: () => number | Promise<number>,
  ): void => {
    void new Gauge({
      name,
      help,
      registers: [registry],
      aggregator,
      async collect() {
        this.set(await read());
      },
    });
  };
  return {
    setRunningCalls: (count) =>
      gauge('sallyport_calls_running', 'Calls between intent and outcome', 'sum', count),
    setWaitingCalls: (count) =>
      gauge('sallyport_calls_waiting', 'Calls that wait for a place to run', 'sum', count),
    setOpenLeases: (count) =>
      gauge('sallyport_quota_leases_open', 'Leases that are neither settled nor given back', 'sum', count),
    setPolicyStale: (isStale) =>
      gauge(
        'sallyport_policy_stale',
        '1 while what decides is pinned or is not what the policy files hold',
        'max',
        () => (isStale() ? 1 : 0),
      ),
    setQuotaStoreUp: (isUp) =>
      gauge('sallyport_quota_store_up', '1 while the shared store of quotas answers, else 0', 'min', () =>
        isUp() ? 1 : 0,
      ),
    setPendingApprovals: (count) =>
      gauge('sallyport_approvals_pending', 'Calls that wait for a person', 'max', count),
    setOpenSessions: (count) =>
      gauge('sallyport_sessions_open', 'Containers that keep their state for one principal', 'max', count),
    setDiskRoom: (isEnough) =>
      gauge('sallyport_disk_room', '1 while the disk has its reserve free, else 0', 'min', () =>
        isEnough() ? 1 : 0,
      ),
    setDependencies(states) {
      void new Gauge({
        name: 'sallyport_dependency_up',
        help: 'How a dependency was last seen: 1 ok, 0.5 degraded, 0 down; of several with one name the worst',
        labelNames: ['dependency'],
        registers: [registry],
        aggregator: 'min',
        collect() {
          this.reset();
          const worst = new Map<string, number>();
          for (const { name, state } of states())
            worst.set(name, Math.min(worst.get(name) ?? 1, state === 'ok' ? 1 : state === 'down' ? 0 : 0.5));
          for (const [dependency, value] of worst) this.set({ dependency }, value);
        },
      });
    },
    setRunners: (read) => registerRunners(registry, read),
  };
}
