/**
 * B5: one full decision (arguments checked, rules matched, CEL, a quota leased and settled) in this process, against
 * the same rules in Cedar in this process, and in Cerbos as its users call it, over HTTP. Neither peer checks arguments
 * against a schema or counts a quota here.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { decide } from '../../src/policy/decide.ts';
import { loadRevision } from '../../src/policy/load-revision.ts';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import { validateArgs } from '../../src/policy/validate.ts';
import { noSession } from '../../src/model/taint.ts';
import { load } from './load.ts';
import { startCerbos } from './peers/cerbos.ts';

interface Cedar {
  preparsePolicySet(id: string, policies: { staticPolicies: string }): { type: string };
  statefulIsAuthorized(call: object): { type: string; response?: { decision: string } };
}

const cedarPolicies = `
permit (principal in Role::"analyst", action == Action::"call", resource == Tool::"sql_query")
when { principal.tenant == "acme" && context.limit <= 100 };
forbid (principal in Role::"analyst", action == Action::"call", resource == Tool::"sql_query")
when { principal.tenant == "acme" && context.sql like "*drop*" };
permit (principal in Role::"developer", action == Action::"call", resource);
`;

const cerbosPolicy = `
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: tool
  rules:
    - actions: [call]
      effect: EFFECT_ALLOW
      roles: [analyst]
      condition:
        match:
          all:
            of:
              - expr: P.attr.tenant == "acme"
              - expr: R.id.startsWith("sql_")
              - expr: R.attr.limit <= 100
    - actions: [call]
      effect: EFFECT_DENY
      roles: [analyst]
      condition:
        match:
          all:
            of:
              - expr: P.attr.tenant == "acme"
              - expr: R.id.startsWith("sql_")
              - expr: R.attr.sql.contains("drop")
    - {actions: [call], effect: EFFECT_ALLOW, roles: [developer]}
`;

const args = { sql: 'select name from sales where region = 4', limit: 100 };
const principal = { id: 'ana', tenant: 'acme', roles: ['analyst'], attributes: {} };

const cerbosCheck = {
  principal: { id: 'ana', roles: ['analyst'], attr: { tenant: 'acme' } },
  resources: [{ resource: { kind: 'tool', id: 'sql_query', attr: args }, actions: ['call'] }],
};
const cerbosConnections = 16;

export interface DecisionResult {
  readonly oursP50Us: number;
  readonly oursPerSecond: number;
  readonly cedarP50Us: number;
  /** Of the medians of one run each, the median over all pairs; so with the other. */
  readonly cedarRatio: number;
  readonly cerbosPerSecond: number;
  readonly cerbosRatio: number;
}

interface DecisionOptions {
  readonly pairs: number;
  readonly secondsPerRun: number;
  readonly median: (values: readonly number[]) => number;
}

export async function benchDecision({
  pairs,
  secondsPerRun,
  median,
}: DecisionOptions): Promise<DecisionResult> {
  const ours = await ourDecision();
  const cedar = cedarDecision();
  await using cerbos = await startCerbos(cerbosPolicy);
  await requireCerbosAnswers(cerbos.url);
  const target = { url: cerbos.url, body: cerbosCheck, connections: cerbosConnections };
  await load({ ...target, seconds: 2 });
  const rows = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const bench = new Bench({ time: 1000, warmupTime: 300 }).add('sallyport', ours).add('cedar', cedar);
    await bench.run();
    const [a, b] = [measured(bench, 'sallyport'), measured(bench, 'cedar')];
    const c = await load({ ...target, seconds: secondsPerRun });
    rows.push({ a, b, c });
  }
  return {
    oursP50Us: median(rows.map(({ a }) => a.p50Us)),
    oursPerSecond: median(rows.map(({ a }) => a.perSecond)),
    cedarP50Us: median(rows.map(({ b }) => b.p50Us)),
    cedarRatio: median(rows.map(({ a, b }) => b.p50Us / a.p50Us)),
    cerbosPerSecond: median(rows.map(({ c }) => c.requestsPerSecond)),
    cerbosRatio: median(rows.map(({ a, c }) => a.perSecond / c.requestsPerSecond)),
  };
}

/** `perSecond` is of the mean: a median alone would leave out what is collected in between. */
function measured(bench: Bench, name: string): { readonly p50Us: number; readonly perSecond: number } {
  const result = bench.getTask(name)?.result;
  if (result === undefined || !('latency' in result))
    throw new Error(`${name} did not run: ${JSON.stringify(result)}`);
  return { p50Us: result.latency.p50 * 1000, perSecond: 1000 / result.latency.mean };
}

async function ourDecision(): Promise<() => void> {
  const revision = await loadRevision({
    directories: [join(import.meta.dirname, 'decision-policies')],
    knownDetectors: [],
  });
  const quotas = new QuotaLedger();
  const tool = revision.tools.get('sql_query');
  if (tool === undefined) throw new Error('the bench policy has no sql_query');
  let count = 0;
  return () => {
    count += 1;
    const checked = validateArgs(revision, tool, args);
    if (!checked.ok) throw new Error('the arguments do not fit');
    const now = Date.now();
    const decision = decide(revision, {
      principal,
      tool: 'sql_query',
      args: checked.args,
      session: noSession,
      request: { ip: '127.0.0.1', timeMs: now },
    });
    if (decision.effect !== 'allow') throw new Error('denied');
    const leased = quotas.lease(decision.quotas, { callId: `call_${count}`, tenant: 'acme' }, now);
    if (!leased.ok) throw new Error('quota');
    void leased.lease.settle(null, now);
  };
}

function cedarDecision(): () => void {
  const cedar = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar;
  const parsed = cedar.preparsePolicySet('bench', { staticPolicies: cedarPolicies });
  if (parsed.type !== 'success') throw new Error(`Cedar refuses the policies: ${JSON.stringify(parsed)}`);
  const call = {
    principal: { type: 'User', id: 'ana' },
    action: { type: 'Action', id: 'call' },
    resource: { type: 'Tool', id: 'sql_query' },
    context: args,
    preparsedPolicySetId: 'bench',
    entities: [
      {
        uid: { type: 'User', id: 'ana' },
        attrs: { tenant: 'acme' },
        parents: [{ type: 'Role', id: 'analyst' }],
      },
      { uid: { type: 'Role', id: 'analyst' }, attrs: {}, parents: [] },
    ],
  };
  return () => {
    const answer = cedar.statefulIsAuthorized(call);
    if (answer.response?.decision !== 'allow') throw new Error(`Cedar: ${JSON.stringify(answer)}`);
  };
}

/** A peer that decides otherwise would be measured on other rules. */
async function requireCerbosAnswers(url: string): Promise<void> {
  for (const [limit, sql, effect] of [
    [100, args.sql, 'EFFECT_ALLOW'],
    [101, args.sql, 'EFFECT_DENY'],
    [100, 'drop table sales', 'EFFECT_DENY'],
  ] as const) {
    const [asked] = cerbosCheck.resources;
    const resources = [{ ...asked, resource: { ...asked?.resource, attr: { limit, sql } } }];
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...cerbosCheck, resources }),
    });
    const answer = (await response.json()) as { readonly results?: { readonly actions: object }[] };
    const said = JSON.stringify(answer.results?.[0]?.actions);
    if (said !== JSON.stringify({ call: effect }))
      throw new Error(`Cerbos: ${said} for limit ${limit}, ${sql}`);
  }
}
