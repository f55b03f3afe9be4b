/** A decoy credential that was seen: an event on the record and a line in the log, from one place so that they agree. */
import type { EventDraft } from '../audit/record.ts';
import { isDecoyId } from '../boundary/known-secrets.ts';
import type { Finding } from '../model/finding.ts';
import type { CallContext } from './call-context.ts';

/** One event for each place where a decoy stood. `subject` says whose call it was. */
export function decoyEvents(
  findings: readonly Finding[],
  subject: Omit<EventDraft, 'type' | 'details' | 'content'>,
): readonly EventDraft[] {
  return seen(findings).map(({ detector, where, count, via }) => ({
    ...subject,
    type: 'decoy_tripped',
    details: { severity: 'critical', decoy: detector, where, count, via: [...via] },
  }));
}

export function logDecoys(
  { logger }: Pick<CallContext, 'logger'>,
  findings: readonly Finding[],
  fields: object,
): void {
  for (const { detector, where } of seen(findings))
    logger.error({ ...fields, severity: 'critical', decoy: detector, where }, 'decoy credential seen');
}

function seen(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ detector }) => isDecoyId(detector));
}
