import type { Decision, TraceEntry } from '../model/decision.ts';

/** A decision for an operator's eyes: the verdict, the rule behind it, and every rule considered with its why. */
export function explainDecision(decision: Decision): string {
  return [
    ...verdict(decision),
    '',
    ...considered(decision.trace),
    ...section(
      'Limits',
      Object.entries(decision.limits).map(([name, value]) => `${name} ${value}`),
    ),
    ...section('Boundary', decision.boundary),
    ...section('Quotas', decision.quotas.map(describeQuota)),
    ...section('Told to the caller', decision.reasons),
    ...section('Would be allowed', decision.nearest === null ? [] : [decision.nearest.text]),
    '',
    `Revision ${decision.revision}`,
  ].join('\n');
}

function verdict({ effect, policy, rule }: Decision): readonly string[] {
  if (policy === null || rule === null) {
    return [
      'DENY  by default: no allow rule matched.',
      '      Add or widen an allow rule if this call should pass.',
    ];
  }
  return [`${effect.toUpperCase().padEnd(5)} by ${policy}/${rule}`];
}

function considered(trace: readonly TraceEntry[]): readonly string[] {
  if (trace.length === 0)
    return ['No rule names this tool for this principal (check roles, tenant and tool name).'];
  const lines = trace.map(({ policy, rule, effect, matched, reason }) => {
    return `  ${matched ? 'yes' : 'no '}  ${effect.padEnd(5)}  ${policy}/${rule}  ${oneLine(reason)}`;
  });
  return ['Rules for this tool and principal, in order:', ...lines];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${oneLine(line)}`)];
}

function describeQuota({ policy, name, key, unit, limit, windowMs }: Decision['quotas'][number]): string {
  const span = unit === 'calls' ? `${limit} calls in ${windowMs} ms` : `${limit} at once`;
  return `${policy}/${name}  ${span}, counted by ${JSON.stringify(key)}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
