/** One `Tool` document: code read, schemas compiled, limits completed, `args` typed for expressions. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Environment } from '@marcbachmann/cel-js';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Image, Tool, ToolCode } from '../../model/tool.ts';
import { checkInputSchema } from '../arguments/check-input-schema.ts';
import type { Validator, ValidatorFactory } from '../arguments/validate-args.ts';
import { canonicalJson } from '../canonical-json.ts';
import { declareArgs } from '../cel/args-type.ts';
import { copyJson } from '../copy-json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { ToolResource } from '../documents.ts';
import { deepFreeze } from '../freeze.ts';
import type { LostNames } from '../load/lost-names.ts';
import { CODE_BYTES_MAX, readText, UnreadableFile } from '../load/read-directory.ts';
import { stripTypes } from '../load/strip-types.ts';
import { LIMIT_DEFAULTS, readLimits } from '../tool-limits.ts';
import type { Findings } from './findings.ts';

export interface CompiledTool {
  readonly tool: Tool;
  readonly resource: ToolResource;
  readonly environment: Environment;
  readonly wrapArgs: (args: JsonObject) => unknown;
  /** The schema that expressions are checked against. */
  readonly input: JsonObject;
  readonly validateArgs: Validator;
  readonly validateOutput: Validator | null;
}

/** What all tools of a revision share while it is compiled. */
export interface ToolContext {
  readonly findings: Findings;
  readonly images: ReadonlyMap<string, Image>;
  readonly lost: LostNames;
  readonly base: Environment;
  readonly validators: ValidatorFactory;
  /** Code by tool, for a revision that is compiled from its content; null: code is read from files. */
  readonly storedCode: ReadonlyMap<string, ToolCode> | null;
}

/** What stands in for a schema that cannot be used: every argument is possible. */
const ANY_OBJECT: JsonObject = { type: 'object' };

/** All mistakes are in the findings; then the tool is good for checking the rules that name it, and nothing else. */
export async function compileTool(resource: ToolResource, context: ToolContext): Promise<CompiledTool> {
  const { metadata, source } = resource;
  const spec = { ...resource.spec, ...schemasOf(resource.spec) };
  const { findings } = context;
  const complain = (field: string, message: string): void =>
    findings.error(source, `/spec/limits/${field}`, message);
  const limits = { ...LIMIT_DEFAULTS, ...readLimits(spec.limits, complain) };
  checkImage(resource, context);
  const code = await readCode(resource, context);
  const validateInput = compileSchema(resource, 'input', spec.input, context);
  const input = validateInput === null ? ANY_OBJECT : spec.input;
  const output = spec.output ?? null;
  const validateOutput = output === null ? null : compileSchema(resource, 'output', output, context);
  const definition = {
    name: metadata.name,
    title: metadata.title ?? metadata.name,
    description: metadata.description ?? '',
    labels: [...(metadata.labels ?? [])],
    input: copyJson(input) as JsonObject,
    output: output === null ? null : (copyJson(output) as JsonObject),
    runtime: runtimeOf(resource, code ?? { from: 'args' }),
    limits,
    ...(spec.cost === undefined ? {} : { cost: { ...spec.cost } }),
    ...(spec.returns?.taints === undefined ? {} : { taints: [...spec.returns.taints] }),
  };
  const tool: Tool = deepFreeze({ ...definition, digest: digestOf(definition as unknown as JsonValue) });
  const environment = context.base.clone();
  const wrapArgs = declareArgs(environment, input);
  const validateArgs = validateInput ?? context.validators.forArgs(ANY_OBJECT);
  return { tool, resource, environment, wrapArgs, input, validateArgs, validateOutput };
}

/** Members in order of their names: a revision shows the same bytes whether it comes from files or from its content. */
function schemasOf({ input, output }: ToolResource['spec']): Pick<ToolResource['spec'], 'input' | 'output'> {
  const ordered = (schema: JsonObject): JsonObject => JSON.parse(canonicalJson(schema)) as JsonObject;
  return { input: ordered(input), ...(output === undefined ? {} : { output: ordered(output) }) };
}

function runtimeOf({ spec: { runtime } }: ToolResource, code: ToolCode): Tool['runtime'] {
  if (runtime.kind === 'isolate') {
    const { minConfinement = 'process', reuse = 'tenant', webAssembly = false } = runtime;
    return { kind: 'isolate', code, reuse, minConfinement, webAssembly };
  }
  return { kind: 'container', image: runtime.image, engineRuntime: runtime.engineRuntime ?? 'runc', code };
}

function checkImage(
  { spec: { runtime }, source }: ToolResource,
  { images, lost, findings }: ToolContext,
): void {
  if (runtime.kind !== 'container' || images.has(runtime.image) || lost.has('Image', runtime.image)) return;
  const hint = didYouMeanHint(runtime.image, images.keys()) ?? 'define it with a document of kind Image';
  findings.error(source, '/spec/runtime/image', `unknown image "${runtime.image}"`, hint);
}

async function readCode(resource: ToolResource, context: ToolContext): Promise<ToolCode | null> {
  const { spec, source } = resource;
  const file = spec.runtime.code;
  if (file === undefined) {
    checkCallerCode(resource, context);
    return { from: 'args' };
  }
  const pointer = '/spec/runtime/code';
  if (context.storedCode !== null) {
    const stored = context.storedCode.get(resource.metadata.name);
    if (stored === undefined) context.findings.error(source, pointer, 'the code was not stored');
    return stored ?? null;
  }
  const absolute = path.resolve(path.dirname(source.file), file);
  const name = path.relative(path.resolve(source.directory), absolute);
  if (path.isAbsolute(file) || name.split(path.sep)[0] === '..') {
    const hint = 'code lies beside the policy file, inside the policy directory';
    context.findings.error(source, pointer, `"${file}" leads out of the policy directory`, hint);
    return null;
  }
  if (name.split(path.sep).some((part) => part.startsWith('.'))) {
    const hint = 'give it another name: changes behind a leading dot are not looked for';
    context.findings.error(source, pointer, `"${file}" is hidden`, hint);
    return null;
  }
  try {
    const text = await readText(source.directory, absolute, CODE_BYTES_MAX);
    const code = { from: 'file', name: name.split(path.sep).join('/'), source: text } as const;
    const isStripped = spec.runtime.kind === 'isolate' && name.endsWith('.ts');
    return isStripped ? { ...code, javascript: stripTypes(text) } : code;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    context.findings.error(source, pointer, `"${file}": ${error.message}`);
    return null;
  }
}

/** A tool without code of its own runs the caller's, so the caller must have to give it. */
function checkCallerCode({ spec, source }: ToolResource, { images, findings }: ToolContext): void {
  const entry = spec.runtime.kind === 'container' ? images.get(spec.runtime.image)?.entry : 'json';
  if (entry === undefined || source.isPartial) return;
  const argument = entry === 'script' ? 'script' : 'code';
  const { properties, required } = spec.input;
  const property = isObject(properties) ? properties[argument] : undefined;
  const isString = isObject(property) && property['type'] === 'string';
  if (isString && Array.isArray(required) && required.includes(argument)) return;
  const message = `a tool without runtime.code runs the caller's own: its input must require a string "${argument}"`;
  findings.error(
    source,
    '/spec/input',
    message,
    `add ${argument}: {type: string} and required: [${argument}]`,
  );
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function compileSchema(
  { source }: ToolResource,
  field: 'input' | 'output',
  schema: JsonObject,
  { findings, validators }: ToolContext,
): Validator | null {
  const base = `/spec/${field}`;
  const mistakes = checkInputSchema(schema);
  for (const { pointer, message, hint, isWarning } of mistakes) {
    if (isWarning) findings.warn(source, base + pointer, message, hint);
    else findings.error(source, base + pointer, message, hint);
  }
  if (mistakes.some(({ isWarning }) => !isWarning)) return null;
  try {
    return field === 'input' ? validators.forArgs(schema) : validators.forOutput(schema);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Ajv names the place at the end: `… at "#/properties/a" (strictTypes)`.
    const [place, pointer = ''] = / at "#([^"]*)"/.exec(message) ?? [''];
    findings.error(source, base + pointer, message.replace(place, ''));
    return null;
  }
}

function digestOf(definition: JsonValue): string {
  return `sha256:${createHash('sha256').update(canonicalJson(definition)).digest('hex')}`;
}
