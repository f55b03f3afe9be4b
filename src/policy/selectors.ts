import type { Tool } from '../model/tool.ts';
import type { ToolSelector } from './documents.ts';

/** Whether a selector means a tool: its exact name, a pattern in which `*` stands for any run, or all labels given. */
export function selectsTool(selector: ToolSelector, tool: Pick<Tool, 'name' | 'labels'>): boolean {
  if (typeof selector !== 'string') return selector.labels.every((label) => tool.labels.includes(label));
  return matchesGlob(selector, tool.name);
}

export function isGlob(selector: ToolSelector): boolean {
  return typeof selector === 'string' && selector.includes('*');
}

/** Greedy with one step back: linear in practice, never worse than pattern × name. */
export function matchesGlob(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last))
    return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
