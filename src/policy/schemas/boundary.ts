import { actions } from '../../model/finding.ts';
import { documentSchema, taints } from './parts.ts';

function direction(allowed: readonly string[]): object {
  return { type: 'object', maxProperties: 1_000, additionalProperties: { enum: allowed } };
}

/** What a detector's hit leads to, by direction. Arguments are never rewritten, so inbound knows no wrap and no redact. */
export const boundarySchema = documentSchema('Boundary', {
  type: 'object',
  additionalProperties: false,
  properties: {
    inbound: direction(['allow', 'flag', 'block']),
    outbound: direction(actions),
    artifacts: { enum: ['none', 'images', 'any'], default: 'any' },
    taints: {
      type: 'object',
      maxProperties: 1_000,
      additionalProperties: taints,
      description: 'what a hit of a detector leaves the caller with: `session.taints`',
    },
    stream: { enum: ['buffered', 'live'], default: 'buffered' },
  },
});
