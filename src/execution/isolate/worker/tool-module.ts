/** From source text to a linked entry module: both forms of tool code, in either language, and the errors that belong to each. */
import type { Context, Isolate, Module } from 'isolated-vm';
import { guestErrorFrom, guestErrorOf, placeOf, platformFileName } from './guest-error.ts';
import type { GuestError } from './messages.ts';
import { stripTypes } from './strip-types.ts';
import type { SourcePlace, Stripped } from './strip-types.ts';

export interface ToolSource {
  /** The name that stacks show: a file name, no folders. */
  readonly fileName: string;
  readonly source: string;
  /** Whose code it is. The caller's may also be the body of an async function, or TypeScript. */
  readonly from: 'policy' | 'caller';
}

/** The tool does not compile or link; nothing of it ran. */
export class ToolRefused extends Error {
  override readonly name = 'ToolRefused';
  readonly guestError: GuestError;
  /** Where the engine stopped reading; null when that is not what is wrong. */
  readonly place: SourcePlace | null;
  constructor(guestError: GuestError, place: SourcePlace | null = null) {
    super(guestError.message);
    this.guestError = guestError;
    this.place = place;
  }
}

const entrySource = `import { start } from 'bootstrap'; import tool from 'tool'; start(tool);`;
/** On the first line of the body, and taken off its columns again: lines and columns stay the caller's. */
const bodyOpening = 'export default async (input, host) => {';

/** What linking says of a module without a default export. */
const missingDefault = 'missing default';

/** What either parser says of imports and exports in a body. */
const saysModule = /'(export|import)'|import statement/;

interface Compiler {
  readonly isolate: Isolate;
  readonly context: Context;
  readonly bootstrap: Module;
}

/**
 * A module that, evaluated, starts the tool. Throws `ToolRefused`, and `StripperBroken` of `strip-types.ts`.
 * TypeScript is tried only on the caller's own code, and only when it is no JavaScript: JavaScript pays nothing.
 */
export function compileTool(compiler: Compiler, tool: ToolSource): Module {
  try {
    return compileJavaScript(compiler, tool);
  } catch (error) {
    if (!(error instanceof ToolRefused) || error.place === null || tool.from === 'policy') throw error;
    return compileTypeScript(compiler, tool, error);
  }
}

function compileJavaScript(compiler: Compiler, tool: ToolSource): Module {
  const compiled = compile(compiler, tool.source, tool.fileName, 0);
  if (compiled instanceof ToolRefused) return compileBody(compiler, tool, compiled);
  const linked = link(compiler, compiled);
  if (linked !== missingDefault) return linked;
  const message = `${tool.fileName} has no default export: export default (input, host) => value`;
  return compileBody(compiler, tool, new ToolRefused(guestErrorOf('SyntaxError', message, '')));
}

function compileBody(compiler: Compiler, tool: ToolSource, asModule: ToolRefused): Module {
  if (tool.from === 'policy') throw asModule;
  const body = compile(compiler, `${bodyOpening}${tool.source}\n}`, tool.fileName, -bodyOpening.length);
  if (body instanceof ToolRefused) throw clearerOf(asModule, body);
  const linked = link(compiler, body);
  if (linked === missingDefault) throw asModule;
  return linked;
}

function compileTypeScript(compiler: Compiler, tool: ToolSource, asJavaScript: ToolRefused): Module {
  const stripped = stripEitherForm(tool.source);
  if (stripped.kind === 'javascript')
    return compileJavaScript(compiler, { ...tool, source: stripped.source });
  if (stripped.kind === 'unavailable') {
    const { name, message, stack } = asJavaScript.guestError;
    throw new ToolRefused(
      guestErrorOf(name, `${message} (read as JavaScript: TypeScript is not available here)`, stack ?? ''),
    );
  }
  const { isUnsupported, message, place } = stripped;
  if (!isUnsupported && !isFurther(place, asJavaScript.place)) throw asJavaScript;
  const text = isUnsupported ? `${message}: types are left out, and no code is made of them` : message;
  const stack = place === null ? '' : `\n    at ${tool.fileName}:${place.line}:${place.column}`;
  throw new ToolRefused(guestErrorOf('SyntaxError', text, `SyntaxError: ${text}${stack}`));
}

/** Of a body, what is stripped is what will be compiled: `return` at the top is no TypeScript. */
function stripEitherForm(source: string): Stripped {
  const asModule = stripTypes(source);
  if (asModule.kind !== 'mistake' || asModule.isUnsupported) return asModule;
  const asBody = stripTypes(`${bodyOpening}${source}\n}`);
  if (asBody.kind === 'javascript')
    return { kind: 'javascript', source: asBody.source.slice(bodyOpening.length, -'\n}'.length) };
  const returnsAtTop = asModule.message.startsWith('Return statement');
  if (asBody.kind !== 'mistake' || !returnsAtTop || saysModule.test(asBody.message)) return asModule;
  const { place } = asBody;
  if (place?.line !== 1) return asBody;
  return { ...asBody, place: { line: 1, column: Math.max(1, place.column - bodyOpening.length) } };
}

/** Whoever read further into the source knows its language better. */
function isFurther(place: SourcePlace | null, than: SourcePlace | null): boolean {
  if (place === null || than === null) return false;
  return place.line > than.line || (place.line === than.line && place.column > than.column);
}

/** Source that is wrong in both forms: as a body if it returns at the top, otherwise as a module. */
function clearerOf(asModule: ToolRefused, asBody: ToolRefused): ToolRefused {
  const returnsAtTop = asModule.message.startsWith('Illegal return statement');
  return returnsAtTop && !saysModule.test(asBody.message) ? asBody : asModule;
}

function compile(
  { isolate }: Compiler,
  source: string,
  fileName: string,
  columnOffset: number,
): Module | ToolRefused {
  try {
    return isolate.compileModuleSync(source, { filename: fileName, columnOffset });
  } catch (error) {
    if (isolate.isDisposed) throw error;
    return new ToolRefused(guestErrorFrom(error), placeOf(error));
  }
}

function link({ isolate, context, bootstrap }: Compiler, tool: Module): Module | typeof missingDefault {
  const entry = isolate.compileModuleSync(entrySource, { filename: platformFileName });
  try {
    entry.instantiateSync(context, (specifier, referrer) => {
      if (referrer === entry) return specifier === 'tool' ? tool : bootstrap;
      const message = `import of ${JSON.stringify(specifier.slice(0, 200))} is not available: a tool is one module without imports`;
      throw new ToolRefused(guestErrorOf('SyntaxError', message, ''));
    });
  } catch (error) {
    if (error instanceof ToolRefused || isolate.isDisposed) throw error;
    // The only name that is asked of the tool at link time, before any of it ran.
    if (error instanceof Error && error.message.includes("'default'")) return missingDefault;
    throw error;
  }
  return entry;
}
