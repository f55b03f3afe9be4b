/**
 * The decision. Trusted: the revision and the principal. Hostile: the arguments, which must have passed `validateArgs`.
 */
import type { Decision } from '../model/decision.ts';
import { decideRules } from './decide-rules.ts';
import { NO_LIMITS } from './effective-limits.ts';
import type { CallRequest } from './evaluate-rule.ts';
import { findNearestCall } from './nearest-call.ts';
import { DEFAULT_BOUNDARY } from './revision.ts';
import type { Revision } from './revision.ts';

/** Longest part of an unknown tool's name that a reason repeats. */
const NAME_CHARS_MAX = 64;

/**
 * Decides one call under one revision. Total: an unknown tool and a failing expression are denials, not exceptions.
 * Pure: the same revision and call give the same decision.
 */
export function decide(revision: Revision, call: CallRequest): Decision {
  const index = revision.index.get(call.tool);
  if (index === undefined) return denyUnknownTool(revision, call.tool);
  const decision = decideRules(revision, index, call);
  if (decision.effect !== 'deny') return decision;
  return { ...decision, nearest: findNearestCall(revision, index, call) };
}

function denyUnknownTool(revision: Revision, tool: string): Decision {
  return {
    effect: 'deny',
    policy: null,
    rule: null,
    matched: [],
    revision: revision.id,
    limits: NO_LIMITS,
    boundary: [DEFAULT_BOUNDARY],
    approval: null,
    reasons: [`There is no tool named ${JSON.stringify(tool.slice(0, NAME_CHARS_MAX))}.`],
    nearest: null,
    quotas: [],
    trace: [],
  };
}
