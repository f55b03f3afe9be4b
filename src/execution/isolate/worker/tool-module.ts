/** From source text to a linked entry module: both forms of tool code, and the errors that belong to each. */
import type { Context, Isolate, Module } from 'isolated-vm';
import { guestErrorFrom, guestErrorOf, platformFileName } from './guest-error.ts';
import type { GuestError } from './messages.ts';

export interface ToolSource {
  /** The name that stacks show: a file name, no folders. */
  readonly fileName: string;
  readonly source: string;
  /** Whether the source may also be the body of an async function (the caller's own code). */
  readonly mayBeBody: boolean;
}

/** The tool does not compile or link; nothing of it ran. */
export class ToolRefused extends Error {
  override readonly name = 'ToolRefused';
  readonly guestError: GuestError;
  constructor(guestError: GuestError) {
    super(guestError.message);
    this.guestError = guestError;
  }
}

const entrySource = `import { start } from 'bootstrap'; import tool from 'tool'; start(tool);`;
/** On the first line of the body, and taken off its columns again: lines and columns stay the caller's. */
const bodyOpening = 'export default async (input, host) => {';

/** What linking says of a module without a default export. */
const missingDefault = 'missing default';

/** A module that, evaluated, starts the tool. Throws `ToolRefused`. */
export function compileTool(isolate: Isolate, context: Context, bootstrap: Module, tool: ToolSource): Module {
  const compiled = compile(isolate, tool.source, tool.fileName, 0);
  if (compiled instanceof ToolRefused) return compileBody(isolate, context, bootstrap, tool, compiled);
  const linked = link(isolate, context, bootstrap, compiled);
  if (linked !== missingDefault) return linked;
  const missing = new ToolRefused(
    guestErrorOf(
      'SyntaxError',
      `${tool.fileName} has no default export: export default (input, host) => value`,
      '',
    ),
  );
  return compileBody(isolate, context, bootstrap, tool, missing);
}

function compileBody(
  isolate: Isolate,
  context: Context,
  bootstrap: Module,
  tool: ToolSource,
  asModule: ToolRefused,
): Module {
  if (!tool.mayBeBody) throw asModule;
  const body = compile(isolate, `${bodyOpening}${tool.source}\n}`, tool.fileName, -bodyOpening.length);
  if (body instanceof ToolRefused) throw clearerOf(asModule, body);
  const linked = link(isolate, context, bootstrap, body);
  if (linked === missingDefault) throw asModule;
  return linked;
}

/** Source that is wrong in both forms: as a body if it returns at the top, otherwise as a module. */
function clearerOf(asModule: ToolRefused, asBody: ToolRefused): ToolRefused {
  const returnsAtTop = asModule.message.startsWith('Illegal return statement');
  const isModule = /'(export|import)'|import statement/.test(asBody.message);
  return returnsAtTop && !isModule ? asBody : asModule;
}

function compile(
  isolate: Isolate,
  source: string,
  fileName: string,
  columnOffset: number,
): Module | ToolRefused {
  try {
    return isolate.compileModuleSync(source, { filename: fileName, columnOffset });
  } catch (error) {
    if (isolate.isDisposed) throw error;
    return new ToolRefused(guestErrorFrom(error));
  }
}

function link(
  isolate: Isolate,
  context: Context,
  bootstrap: Module,
  tool: Module,
): Module | typeof missingDefault {
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
