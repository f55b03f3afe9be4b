/** B5: one full decision, ours against Cedar on the same rules, in one process. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { decide } from '../../src/policy/decide.ts';
import { loadRevision } from '../../src/policy/load-revision.ts';
import { QuotaLedger } from '../../src/policy/quotas/quota-ledger.ts';
import { validateArgs } from '../../src/policy/validate.ts';

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

const args = { sql: 'select name from sales where region = 4', limit: 100 };
const principal = { id: 'ana', tenant: 'acme', roles: ['analyst'], attributes: {} };

export interface DecisionResult {
  readonly oursP50Us: number;
  readonly cedarP50Us: number;
  readonly ratio: number;
}

export async function benchDecision(): Promise<DecisionResult> {
  const revision = await loadRevision({
    directories: [join(import.meta.dirname, 'decision-policies')],
    knownDetectors: [],
  });
  const quotas = new QuotaLedger();
  const tool = revision.tools.get('sql_query');
  if (tool === undefined) throw new Error('the bench policy has no sql_query');
  const cedar = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar;
  const parsed = cedar.preparsePolicySet('bench', { staticPolicies: cedarPolicies });
  if (parsed.type !== 'success') throw new Error(`Cedar refuses the policies: ${JSON.stringify(parsed)}`);
  const cedarCall = {
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
  let count = 0;
  const ours = (): void => {
    count += 1;
    const checked = validateArgs(revision, tool, args);
    if (!checked.ok) throw new Error('the arguments do not fit');
    const now = Date.now();
    const decision = decide(revision, {
      principal,
      tool: 'sql_query',
      args: checked.args,
      request: { ip: '127.0.0.1', timeMs: now },
    });
    if (decision.effect !== 'allow') throw new Error('denied');
    const leased = quotas.lease(decision.quotas, `call_${count}`, now);
    if (!leased.ok) throw new Error('quota');
    void leased.lease.settle(null, now);
  };
  const theirs = (): void => {
    const answer = cedar.statefulIsAuthorized(cedarCall);
    if (answer.response?.decision !== 'allow') throw new Error(`Cedar: ${JSON.stringify(answer)}`);
  };
  const bench = new Bench({ time: 1000, warmupTime: 300 }).add('sallyport', ours).add('cedar', theirs);
  await bench.run();
  const p50 = (name: string): number => {
    const result = bench.getTask(name)?.result;
    if (result === undefined || !('latency' in result))
      throw new Error(`${name} did not run: ${JSON.stringify(result)}`);
    return result.latency.p50 * 1000;
  };
  const oursP50Us = p50('sallyport');
  const cedarP50Us = p50('cedar');
  return { oursP50Us, cedarP50Us, ratio: cedarP50Us / oursP50Us };
}
