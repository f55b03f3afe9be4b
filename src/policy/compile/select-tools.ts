import { didYouMeanHint } from '../did-you-mean.ts';
import type { ToolSelector } from '../documents.ts';
import type { LostNames } from '../load/lost-names.ts';
import { isGlob, matchesGlob, selectsTool } from '../selectors.ts';
import type { CompiledTool } from './compile-tool.ts';

export interface ToolSelection {
  /** Each once. */
  readonly tools: ReadonlySet<CompiledTool>;
  /** Selectors that mean nothing, by their place in the list. */
  readonly mistakes: readonly { readonly at: number; readonly message: string; readonly hint?: string }[];
}

/** The tools that a list of selectors means. A selector that may mean a document in `lost` is no mistake. */
export function selectTools(
  selectors: readonly ToolSelector[],
  tools: ReadonlyMap<string, CompiledTool>,
  lost: LostNames,
): ToolSelection {
  const selected = new Set<CompiledTool>();
  const mistakes: { at: number; message: string; hint?: string }[] = [];
  for (const [at, selector] of selectors.entries()) {
    const found = toolsMeant(selector, tools);
    for (const tool of found) selected.add(tool);
    if (found.length > 0 || lost.mayHold('Tool', (name) => mayMean(selector, name))) continue;
    const mistake = { at, message: describe(selector) };
    const hint = isExact(selector)
      ? didYouMeanHint(selector, tools.keys())
      : 'a rule that never applies is a mistake: remove it';
    mistakes.push(hint === undefined ? mistake : { ...mistake, hint });
  }
  return { tools: selected, mistakes };
}

function isExact(selector: ToolSelector): selector is string {
  return typeof selector === 'string' && !isGlob(selector);
}

/** The tools that one selector means. */
export function toolsMeant(
  selector: ToolSelector,
  tools: ReadonlyMap<string, CompiledTool>,
): readonly CompiledTool[] {
  if (!isExact(selector)) return [...tools.values()].filter(({ tool }) => selectsTool(selector, tool));
  const tool = tools.get(selector);
  return tool === undefined ? [] : [tool];
}

/** Whether a selector may mean a document that was left out, whose labels nobody has read. */
function mayMean(selector: ToolSelector, name: string): boolean {
  return typeof selector !== 'string' || matchesGlob(selector, name);
}

function describe(selector: ToolSelector): string {
  if (typeof selector !== 'string') return `no tool has the labels ${selector.labels.join(', ')}`;
  return isGlob(selector) ? `no tool matches "${selector}"` : `unknown tool "${selector}"`;
}
