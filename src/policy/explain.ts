/** A decision in words for an operator: the verdict, what it hangs on, and every rule that was considered. */
import type { Decision, QuotaDraw, TraceEntry } from '../model/decision.ts';
import type { Limits } from '../model/limits.ts';
import type { Conjunct } from './cel/compile-expression.ts';
import { describeFailure } from './cel/compile-expression.ts';
import type { Variables } from './cel/principal-values.ts';
import type { SubjectEntry } from './documents.ts';
import { variablesOf } from './evaluate-rule.ts';
import type { CallRequest } from './evaluate-rule.ts';
import { quotaUnits } from './quotas/quota-units.ts';
import type { CompiledRule, Revision, ToolIndex } from './revision.ts';

/** Rules named to a caller who is meant by none. */
const GRANTS_NAMED_MAX = 10;
const MIB = 1024 ** 2;

export interface Explained {
  readonly revision: Revision;
  readonly call: CallRequest;
  readonly decision: Decision;
}

export function explainDecision(explained: Explained): string {
  const { decision, revision, call } = explained;
  const index = revision.index.get(call.tool);
  return [
    ...verdict(explained, index),
    ...section(
      'Nearest call that would be allowed',
      decision.nearest === null ? [] : [decision.nearest.text],
    ),
    ...section('The caller is told', decision.reasons),
    ...(index === undefined ? [] : consideredRules(explained, index)),
    ...(decision.effect === 'deny' || index === undefined ? [] : terms(decision, index)),
    '',
    `Revision ${decision.revision}`,
  ].join('\n');
}

function verdict({ decision, revision, call }: Explained, index: ToolIndex | undefined): readonly string[] {
  const { id, tenant, roles } = call.principal;
  const who = `${id} (tenant ${tenant}, ${roles.length === 0 ? 'no roles' : `roles ${roles.join(', ')}`})`;
  const head = `${words[decision.effect]}  ${call.tool} for ${who}`;
  if (index === undefined) return [head, 'There is no tool of that name.'];
  const { policy, rule, trace } = decision;
  if (policy !== null && rule !== null) {
    return [head, `Decided by ${policy}/${rule}${placeOf(revision, policy, rule)}`, ...whyNotFirst(decision)];
  }
  const open = trace.filter(({ effect }) => effect === 'allow' || effect === 'require_approval');
  if (open.length > 0) {
    const which =
      open.length === 1
        ? 'One rule could, but its condition does not hold.'
        : `${open.length} rules could, but none of their conditions holds.`;
    return [head, `Denied by default: no rule that matches allows it. ${which}`];
  }
  return [head, 'Denied by default: no rule lets this principal call this tool.', ...whoMay(revision, index)];
}

const words: Readonly<Record<Decision['effect'], string>> = {
  allow: 'ALLOWED',
  deny: 'DENIED',
  require_approval: 'NEEDS APPROVAL',
};

/** For a verdict that overruled another: which one. */
function whyNotFirst({ effect, trace }: Decision): readonly string[] {
  const overruled = trace.filter((entry) => entry.matched && entry.effect === 'allow');
  if (effect === 'allow' || overruled.length === 0) return [];
  const names = overruled.map(({ policy, rule }) => `${policy}/${rule}`).join(', ');
  const verb = effect === 'deny' ? 'Denying' : 'Asking';
  return [`${verb} wins over allowing, which ${names} would have done.`];
}

function whoMay(revision: Revision, { rules }: ToolIndex): readonly string[] {
  const granting = rules.items.filter(({ effect }) => effect === 'allow' || effect === 'require_approval');
  if (granting.length === 0) return ['No rule lets anybody call it.'];
  const lines = granting.slice(0, GRANTS_NAMED_MAX).map((rule) => {
    return `  ${rule.subjects.map(describeSubject).join(', or ')}: ${rule.id}${placeOf(revision, rule.policy, rule.name)}`;
  });
  const more = granting.length - lines.length;
  return ['It is open to:', ...lines, ...(more > 0 ? [`  and ${more} more`] : [])];
}

function describeSubject({ ids, roles, tenants, except }: SubjectEntry): string {
  const parts = [
    ids === undefined ? '' : ids.join(' or '),
    roles === undefined ? '' : `role ${roles.join(' or ')}`,
    tenants === undefined ? '' : `tenant ${tenants.join(' or ')}`,
  ].filter((part) => part !== '');
  const meant = parts.length === 0 ? 'everyone' : parts.join(' in ');
  return except === undefined ? meant : `${meant} except ${except.map(describeSubject).join(' and ')}`;
}

function placeOf(revision: Revision, policy: string, rule: string): string {
  const summary = revision.policies.find(({ name }) => name === policy);
  const isQuota = rule.startsWith('quota:');
  const place = isQuota
    ? summary?.quotas.find(({ name }) => `quota:${name}` === rule)?.place
    : summary?.rules.find(({ name }) => name === rule)?.place;
  return place === undefined ? '' : `  ${place}`;
}

function consideredRules({ decision, revision, call }: Explained, index: ToolIndex): readonly string[] {
  if (decision.trace.length === 0) return [];
  const variables = variablesOf(index, call);
  const rules = new Map(index.rules.matching(call.principal).map((rule) => [rule.id, rule]));
  return [
    '',
    'Rules for this tool and principal (deny wins, then require_approval, then allow):',
    ...decision.trace.flatMap((entry) =>
      considered(entry, revision, rules.get(`${entry.policy}/${entry.rule}`), variables),
    ),
  ];
}

function considered(
  { policy, rule, effect, matched, reason }: TraceEntry,
  revision: Revision,
  compiled: CompiledRule | undefined,
  variables: Variables,
): readonly string[] {
  const head = `  ${matched ? 'matches' : 'no     '}  ${effect.padEnd(5)}  ${policy}/${rule}${placeOf(revision, policy, rule)}`;
  const clauses = compiled?.when?.conjuncts ?? [];
  if (clauses.length === 0) return [head, `             ${oneLine(reason)}`];
  const isFailing = reason.startsWith('could not be evaluated');
  return [
    head,
    ...clauses.map((clause) => `             ${clauseLine(clause, variables)}`),
    ...(isFailing ? [`             ${oneLine(reason)}`] : []),
  ];
}

/** `false: args.limit <= 100`, or that it failed. */
function clauseLine(clause: Conjunct, variables: Variables): string {
  const text = oneLine(clause.text);
  try {
    return `${clause.evaluate(variables) ? 'true ' : 'FALSE'}  ${text}`;
  } catch (error) {
    return `ERROR  ${text}  (${describeFailure(error)})`;
  }
}

function terms(decision: Decision, { tool }: ToolIndex): readonly string[] {
  const { approval, limits, boundary, quotas } = decision;
  const asked = approval?.rules.map(
    ({ id, approvers }) => `${id}: ${approvers.map(describeApprover).join(', or ')}`,
  );
  return [
    ...section(
      `Has to be approved within ${duration(approval?.expiresMs ?? 0)}, as each of these says`,
      asked ?? [],
    ),
    ...section(
      'Limits',
      (Object.keys(limits) as (keyof Limits)[]).map((name) => describeLimit(name, limits, tool.limits)),
    ),
    ...section('Boundary', boundary),
    ...section('Draws on the quotas', quotas.map(describeQuota)),
  ];
}

function describeApprover(approver: SubjectEntry): string {
  const { tenants, ...who } = approver;
  const meant = describeSubject(who);
  if (tenants === undefined) return `${meant} of the same tenant`;
  return tenants.includes('*') ? `${meant} of any tenant` : `${meant} of tenant ${tenants.join(' or ')}`;
}

function describeLimit(name: keyof Limits, limits: Limits, own: Limits): string {
  const narrowed = limits[name] < own[name] ? `  (the tool's own: ${quantity(name, own[name])})` : '';
  return `${name.replace(/(Ms|MiB|Bytes)$/, '')} ${quantity(name, limits[name])}${narrowed}`;
}

function quantity(name: keyof Limits, value: number): string {
  if (name.endsWith('Ms')) return duration(value);
  if (name.endsWith('MiB')) return `${value} MiB`;
  if (!name.endsWith('Bytes')) return String(value);
  return value >= MIB
    ? `${Number((value / MIB).toFixed(1))} MiB`
    : `${Number((value / 1024).toFixed(1))} KiB`;
}

function duration(ms: number): string {
  if (ms % 3_600_000 === 0 && ms > 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0 && ms > 0) return `${ms / 60_000} min`;
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

function describeQuota({ policy, name, key, unit, limit, windowMs, amount }: QuotaDraw): string {
  const span =
    windowMs === 0 ? `${limit} at once` : `${limit} ${quotaUnits[unit].words} in ${duration(windowMs)}`;
  const leased = unit === 'calls' || unit === 'concurrent' ? '' : `, of which this call leases ${amount}`;
  return `${policy}/${name}: ${span}${leased}, counted for ${JSON.stringify(key)}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${oneLine(line)}`)];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
