/** The filters of the record that search and export share, from query strings. */
import { eventStatuses } from '../audit/event-statuses.ts';
import { eventCatalogue } from '../audit/events.ts';
import { searchWords } from '../audit/search-terms.ts';
import type { ExportFilter } from '../audit/record.ts';
import { idPattern } from '../model/id-pattern.ts';
import { labelLimits } from '../model/labels.ts';
import { parseTime } from '../model/parse-time.ts';
import type { Caller } from '../model/principal.ts';
import { hasScope } from './authenticate.ts';
import { invalidQuery } from './query.ts';

const ruleName = '[A-Za-z0-9_-]{1,64}';
const rulePattern = `^(${ruleName}/)?${ruleName}$|^block:blk_[0-9A-HJKMNP-TV-Z]{26}$`;

export const sessionParameter = { description: 'One session', pattern: idPattern('ses') } as const;
export const labelParameter = {
  description: 'A label as name=value',
  pattern: labelLimits.namePattern.replace('$', '='),
} as const;

export const filterParameters = {
  type: { description: 'Event type', enum: Object.keys(eventCatalogue) },
  principal: { description: 'Who acted' },
  tool: { description: 'Tool name' },
  status: {
    description: 'Status of a call, an approval or a session, or why something was refused',
    enum: eventStatuses,
  },
  effect: { description: 'What policy decided', enum: ['allow', 'deny', 'require_approval'] },
  rule: {
    description: 'Rule that decided, as policy/rule, or its own name alone; block:blk_… for a block',
    pattern: rulePattern,
  },
  callId: { description: 'One call', pattern: idPattern('call') },
  requestId: { description: 'One request' },
  tenant: { description: 'One tenant; another than your own needs the scope admin' },
  key: { description: 'Id of the API key' },
  session: sessionParameter,
  run: { description: 'One agent run' },
  approval: { description: 'One approval', pattern: idPattern('apr') },
  finding: { description: 'Detector that found something' },
  host: { description: 'Where something was sent' },
  credential: { description: 'Name of the credential that was used' },
  label: labelParameter,
  address: { description: 'Address that a request came from' },
  text: { description: 'Words that all stand in content or details; one that ends with * is a beginning' },
  from: { description: 'RFC 3339 time, inclusive' },
  to: { description: 'RFC 3339 time, exclusive' },
} as const;

/** Of one's own tenant; of all with `admin`. Throws `malformed_request` naming the parameter. */
export function readEventFilter(
  caller: Caller,
  {
    from,
    to,
    type,
    effect,
    tenant,
    text,
    rule,
    status,
    callId,
    session,
    approval,
    label,
    ...filters
  }: Partial<Record<keyof typeof filterParameters, string>>,
): ExportFilter {
  return {
    tenant: hasScope(caller, 'admin') ? (tenant ?? null) : ownTenant(caller, tenant),
    ...filters,
    ...(text === undefined ? {} : { text: readWords(text) }),
    ...(rule === undefined ? {} : readRule(rule)),
    ...(type === undefined ? {} : { type: readChoice('type', type, filterParameters.type.enum) }),
    ...(status === undefined ? {} : { status: readChoice('status', status, eventStatuses) }),
    ...(callId === undefined ? {} : { callId: readId('callId', callId, 'call') }),
    ...(session === undefined ? {} : { session: readId('session', session, 'ses') }),
    ...(approval === undefined ? {} : { approval: readId('approval', approval, 'apr') }),
    ...(label === undefined ? {} : { label: readLabel(label) }),
    ...(effect === undefined ? {} : { effect: readChoice('effect', effect, filterParameters.effect.enum) }),
    ...(from === undefined ? {} : { from: readTime('from', from) }),
    ...(to === undefined ? {} : { to: readTime('to', to) }),
  };
}

/** Throws `malformed_request` for another. */
export function ownTenant({ principal }: Caller, wanted: string | undefined): string {
  if (wanted === undefined || wanted === principal.tenant) return principal.tenant;
  throw invalidQuery({ pointer: '?tenant', message: 'must be your own: others need the scope admin' });
}

/** Names of policies and rules have no slash. */
function readRule(text: string): Pick<ExportFilter, 'policy' | 'rule'> {
  if (!new RegExp(rulePattern).test(text))
    throw invalidQuery({ pointer: '?rule', message: 'must be policy/rule, or the name of a rule' });
  const [first = '', rule] = text.split('/');
  return rule === undefined ? { rule: first } : { policy: first, rule };
}

/** Throws `malformed_request` for what can be none of this kind. */
export function readId(name: string, value: string, prefix: string): string {
  if (new RegExp(idPattern(prefix)).test(value)) return value;
  throw invalidQuery({
    pointer: `?${name}`,
    message: `must be an id: ${prefix}_ and its 26 capital letters and digits`,
  });
}

/** Throws `malformed_request` for what can be none. */
export function readLabel(value: string): string {
  if (new RegExp(labelParameter.pattern).test(value)) return value;
  throw invalidQuery({ pointer: '?label', message: 'must be a label as name=value' });
}

function readWords(text: string): string {
  if (searchWords(text) !== null) return text;
  throw invalidQuery({ pointer: '?text', message: 'must have 1 to 32 words of letters or digits' });
}

export function readChoice<const T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined)
    throw invalidQuery({ pointer: `?${name}`, message: `must be one of ${choices.join(', ')}` });
  return choice;
}

/** As it is stored. Throws `malformed_request` naming the parameter. */
export function readTime(name: string, value: string): string {
  const time = parseTime(value);
  if (time === null) {
    throw invalidQuery({
      pointer: `?${name}`,
      message: 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z',
    });
  }
  return time.toISOString();
}
