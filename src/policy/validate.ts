import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Tool } from '../model/tool.ts';
import type { ArgsValidation } from './arguments/validate-args.ts';
import type { Revision, ToolIndex } from './revision.ts';

/**
 * Checks arguments against the tool's input schema, every mistake at once. `args` is a copy with defaults filled in:
 * what is decided and executed from here on. Throws when the tool is not of this revision.
 */
export function validateArgs(revision: Revision, tool: Pick<Tool, 'name'>, args: JsonObject): ArgsValidation {
  return indexOf(revision, tool).validateArgs(args);
}

/** Checks a result against the tool's output schema; a tool that declares none accepts everything. */
export function validateOutput(
  revision: Revision,
  tool: Pick<Tool, 'name'>,
  result: JsonValue,
): OutputValidation {
  const validate = indexOf(revision, tool).validateOutput;
  const validation = validate === null ? null : validate(result);
  return validation === null || validation.ok ? { ok: true } : validation;
}

export type OutputValidation = { readonly ok: true } | Extract<ArgsValidation, { readonly ok: false }>;

function indexOf(revision: Revision, { name }: Pick<Tool, 'name'>): ToolIndex {
  const index = revision.index.get(name);
  if (index === undefined)
    throw new Error(`the tool ${JSON.stringify(name)} is not part of revision ${revision.id}`);
  return index;
}
