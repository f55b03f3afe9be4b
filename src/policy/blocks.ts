/** Whether a block means a call, and the denial that follows. Blocks deny and never grant, so policy need not be asked. */
import type { Block } from '../model/block.ts';
import type { Decision } from '../model/decision.ts';
import type { Principal } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import { DEFAULT_BOUNDARY } from './revision.ts';
import type { Revision } from './revision.ts';
import { matchesGlob } from './selectors.ts';

/** All that a block names must match; past its time it means nothing. */
export function isBlocking(block: Block, principal: Principal, tool: string, nowMs: number): boolean {
  return (
    nowMs < block.expiresAtMs &&
    (block.principal === null || block.principal === principal.id) &&
    (block.tenant === null || block.tenant === principal.tenant) &&
    matchesGlob(block.tool, tool)
  );
}

/** The decision on a call that a block means. Its reason stays with the operators; the id leads them to it. */
export function decideBlocked(revision: Revision, tool: Tool, block: Block): Decision {
  const rule = `block:${block.id}`;
  const until = new Date(block.expiresAtMs).toISOString();
  return {
    effect: 'deny',
    policy: null,
    rule,
    matched: [rule],
    revision: revision.id,
    limits: tool.limits,
    boundary: [DEFAULT_BOUNDARY],
    approval: null,
    reasons: [`An operator has blocked calls of ${tool.name} until ${until} (${block.id}).`],
    nearest: null,
    quotas: [],
    trace: [],
  };
}
