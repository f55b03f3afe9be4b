/** Which source runs with which input: a tool of policy takes all arguments, caller's code comes in `args.code`. */
import type { WorkerCall } from './channel.ts';
import type { GuestError } from './messages.ts';
import type { ToolSource } from './tool-module.ts';

export type ToolCall =
  | { readonly kind: 'tool'; readonly source: ToolSource; readonly input: string }
  | { readonly kind: 'refused'; readonly error: GuestError };

/** Name of the caller's own code in stacks. */
const callerFileName = 'tool.js';

export function readToolCall({ code, args }: WorkerCall): ToolCall {
  if (code !== null) {
    const fileName = code.name.split(/[\\/]/).at(-1) ?? callerFileName;
    return { kind: 'tool', source: { fileName, source: code.source, from: 'policy' }, input: args };
  }
  const { code: source, input } = JSON.parse(args) as { code?: unknown; input?: unknown };
  if (typeof source !== 'string') {
    return {
      kind: 'refused',
      error: { name: 'TypeError', message: 'args.code must be a string of JavaScript or TypeScript' },
    };
  }
  return {
    kind: 'tool',
    source: { fileName: callerFileName, source, from: 'caller' },
    input: JSON.stringify(input ?? null),
  };
}
