/**
 * What keeps a tool's code from being loaded as an isolate loads it: read by Node's own V8, which isolated-vm runs as
 * well, so that whatever an isolate accepts passes. Nothing of the code runs: it is parsed and linked, never evaluated.
 * `vm.SourceTextModule` takes `--experimental-vm-modules`, which only the thread of `module-thread.ts` has.
 */
import { Script, SourceTextModule } from 'node:vm';

/** One-based, in the text that was given. */
interface Place {
  readonly line: number;
  readonly column: number;
}

export interface ModuleMistake extends Place {
  readonly message: string;
  readonly hint?: string;
}

const start: Place = { line: 1, column: 1 };

/** Empty: an isolate can load it. */
export function readModule(source: string): readonly ModuleMistake[] {
  let module: SourceTextModule;
  try {
    module = new SourceTextModule(source);
  } catch (error) {
    // Anything else, such as a stack that overflows here, says nothing of the isolate's.
    if (!(error instanceof SyntaxError)) return [];
    const { message } = error;
    return [{ ...placeOf(message, source), message: `cannot be read as JavaScript: ${message}` }];
  }
  const imports = new Set(module.moduleRequests.map(({ specifier }) => specifier));
  return imports.size === 0
    ? exportMistakes(module)
    : [...imports].map((name) => importMistake(name, source));
}

function exportMistakes(module: SourceTextModule): readonly ModuleMistake[] {
  module.linkRequests([]);
  module.instantiate();
  const { namespace } = module;
  // `in` alone: to look at the value throws before the module has run.
  if ('default' in namespace) return [];
  return [{ ...start, message: 'no default export', hint: 'write export default (input, host) => value' }];
}

function importMistake(name: string, source: string): ModuleMistake {
  const clauses = source.matchAll(/\b(?:from|import)\s*(["'])(.*?)\1/g);
  const written = clauses.find(([, , specifier]) => specifier === name);
  return {
    ...(written === undefined ? start : placeAt(source, written.index)),
    message: `import of ${JSON.stringify(name)} is not available`,
    hint: 'a tool is one module without imports',
  };
}

function placeAt(source: string, offset: number): Place {
  const lines = source.slice(0, offset).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

const opening = 'async () => {"use strict";';

/**
 * Node says the place of a mistake in scripts alone: the module is read again as the body of a function, exports taken
 * for what they declare. Believed where the engine has the same to say of both.
 */
function placeOf(message: string, source: string): Place {
  if (message === 'Unexpected end of input') return placeAt(source, source.length);
  const body = source
    .replaceAll(/^[ \t]*export *\{[^}]*\}/gm, (list) => list.replaceAll(/./g, ' '))
    .replaceAll(/^([ \t]*)export default\b/gm, '$1_ =           ')
    .replaceAll(/^([ \t]*)export(?= +(?:async|class|const|function|let|var)\b)/gm, '$1      ');
  try {
    void new Script(`${opening}${body}\n}`, { filename: 'code' });
  } catch (error) {
    if (error instanceof SyntaxError && error.message === message) return placeIn(error.stack ?? '');
  }
  return start;
}

/** Node puts `code:line`, the line and a line of carets before the stack. */
function placeIn(stack: string): Place {
  const line = Number(/^code:(\d+)\n/.exec(stack)?.[1] ?? 1);
  const carets = stack.split('\n').find((text) => /^\s*\^+\s*$/.test(text));
  const column = (carets?.indexOf('^') ?? 0) + 1 - (line === 1 ? opening.length : 0);
  return { line, column: Math.max(1, column) };
}
