/**
 * `const.name.key` in expressions. Constants are known at load, so they are written into the expression: types, bounds,
 * patterns and costs are then checked as if the author had written the value.
 */
import type { JsonValue } from '../../model/json.ts';
import type { ConstantLookup } from '../load/constants.ts';
import type { ExpressionMistake } from './inspect-expression.ts';
import type { Replacement } from './substitute.ts';

/** Follows a dotted path; null where the constant may be in a document that cannot be read. */
export type FindConstant = (path: readonly string[]) => ConstantLookup | null;

export interface ConstantReferences {
  readonly replacements: readonly Replacement[];
  readonly mistakes: readonly ExpressionMistake[];
  /** A constant may be in a document that cannot be read: nothing can be said of this expression. */
  readonly isLost: boolean;
}

/** Strings, comments and names of CEL (cel-spec, doc/langdef.md, Syntax): whatever a name must not be looked for in. */
const TOKENS =
  /[rRbB]{0,2}(?:"""[^]*?"""|'''[^]*?''')|[rR][bB]?(?:"[^"\n]*"|'[^'\n]*')|[bB]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\/[^\n]*|\.?\s*[A-Za-z_][A-Za-z0-9_]*/g;
const MEMBERS = /(?:\s*\.\s*[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_]|\s*\())+/y;

/** Every reference in a source text, in order. */
export function findConstantReferences(source: string, find: FindConstant): ConstantReferences {
  const replacements: Replacement[] = [];
  const mistakes: ExpressionMistake[] = [];
  let isLost = false;
  for (const { 0: token, index } of source.matchAll(TOKENS)) {
    if (token !== 'const' && token.trimStart() !== 'const') continue;
    const start = index + token.length - 'const'.length;
    MEMBERS.lastIndex = index + token.length;
    const members = [...(MEMBERS.exec(source)?.[0] ?? '').matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)];
    if (members.length === 0) {
      mistakes.push({ offset: start, message: 'const needs a member', hint: 'write const.name.key' });
      continue;
    }
    const from = index + token.length;
    const found = find(members.map(([name]) => name));
    if (found === null) isLost = true;
    else if (!found.found) {
      const offset = from + (members[found.step]?.index ?? 0);
      const mistake = { offset, message: `unknown constant: ${found.message}` };
      mistakes.push(found.hint === undefined ? mistake : { ...mistake, hint: found.hint });
    } else {
      const last = members[found.steps - 1];
      const end = from + (last?.index ?? 0) + (last?.[0].length ?? 0);
      replacements.push({ start, end, text: literalText(found.value), origin: null });
    }
  }
  return { replacements, mistakes, isLost };
}

/** A JSON value as CEL writes it. Whole numbers are int, others double. */
function literalText(value: JsonValue): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return value < 0 ? `(${value})` : String(value);
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literalText).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([name, item]) => `${JSON.stringify(name)}: ${literalText(item)}`)
    .join(', ')}}`;
}
