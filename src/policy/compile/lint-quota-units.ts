/** Quotas whose unit no call uses, and quotas that a single call cannot fit into. */
import type { CompiledQuota } from '../revision.ts';
import { quotaUnits } from '../quotas/quota-units.ts';
import type { CompiledTool } from './compile-tool.ts';

export interface QuotaRemark {
  readonly message: string;
  readonly hint: string;
}

/** What is wrong with a quota by itself, or null. `byTool`: as it applies to each tool that it means. */
export function remarkOnUnit(
  byTool: ReadonlyMap<string, CompiledQuota>,
  tools: ReadonlyMap<string, CompiledTool>,
): QuotaRemark | null {
  const [first] = byTool.values();
  if (first === undefined || first.unit === 'amount') return null;
  const { unit, limit } = first;
  const leases = [...byTool.keys()].flatMap((name) => {
    const tool = tools.get(name)?.tool;
    return tool === undefined ? [] : [{ name, lease: quotaUnits[unit].lease(tool, tool.limits) }];
  });
  if (leases.every(({ lease }) => lease === 0)) return neverUsed(unit);
  const tooLarge = leases.find(({ lease }) => lease > limit);
  if (tooLarge === undefined) return null;
  return {
    message: `a call of ${tooLarge.name} within the tool's own limits leases ${tooLarge.lease} ${unit}, more than this quota gives`,
    hint: 'raise the limit, or narrow the limits of the tool: what a call could use at most is leased before it runs',
  };
}

function neverUsed(unit: CompiledQuota['unit']): QuotaRemark {
  const isCost = unit === 'cost_usd';
  return {
    message: `this quota never binds: ${isCost ? 'none of its tools says what a call costs' : `no tool uses any ${unit} in this version`}`,
    hint: isCost ? 'add cost: {perCallUsd: 0.01} to the spec of a tool' : 'remove it',
  };
}
