import type { ASTNode } from '@marcbachmann/cel-js';
import type { JsonObject } from '../../model/json.ts';
import { didYouMeanHint, knownNamesHint } from '../did-you-mean.ts';
import { variableFields } from './environment.ts';
import { memberSchema } from './schema-path.ts';

/** What to write for a member that its owner does not have. `input`: the schema of the tool's arguments. */
export function keyHint(node: ASTNode & { op: '.' }, input: JsonObject): string | undefined {
  const [owner, key] = node.args;
  if (owner.op === 'id' && Object.hasOwn(variableFields, owner.args))
    return knownNamesHint(key, Object.keys(variableFields[owner.args as keyof typeof variableFields]));
  const schema = argumentSchema(owner, input);
  if (schema === undefined) return undefined;
  return argumentHint(key, Object.keys(schema['properties'] ?? {}));
}

/** For an argument that a tool does not take; `has()` may not ask for it either. */
export function argumentHint(name: string, known: readonly string[]): string {
  return didYouMeanHint(name, known) ?? 'no such argument: give tools that take it a rule of their own';
}

/** The schema of `args`, or of a part of it that is reached by name. */
function argumentSchema(node: ASTNode, input: JsonObject): JsonObject | undefined {
  if (node.op === 'id') return node.args === 'args' ? input : undefined;
  return node.op === '.' ? memberSchema(input, argumentSchema(node.args[0], input), node.args[1]) : undefined;
}
