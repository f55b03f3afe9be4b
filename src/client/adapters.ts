/**
 * Tool calls of model APIs, answered by tools of this server: a few lines over `run`. What a model reads is the text
 * that marks the sandbox's output as untrusted; a refusal or a failure is an answer too, so that the model can act on it.
 */
import { ApprovalPending, CallFailed, RequestRefused } from './errors.ts';
import type { Sallyport } from './index.ts';
import type { RunOptions } from './runner.ts';

export interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
}

/** One tool call as text for a model. Throws only where there was no answer at all. */
async function answer(
  sallyport: Sallyport,
  tool: string,
  args: object,
  options?: RunOptions,
): Promise<ToolAnswer> {
  try {
    const { id } = await sallyport.run(tool, args, options);
    return { text: await sallyport.calls.modelText(id), isError: false };
  } catch (error) {
    if (error instanceof CallFailed)
      return { text: await sallyport.calls.modelText(error.call.id), isError: true };
    if (error instanceof ApprovalPending || error instanceof RequestRefused)
      return { text: error.message, isError: true };
    throw error;
  }
}

/** Models write arguments as text, and not always as JSON of an object. */
function parseArguments(text: string): object | null {
  try {
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

export interface OpenAiToolCall {
  readonly id: string;
  readonly type: string;
  readonly function?: { readonly name: string; readonly arguments: string };
}

/**
 * Chat Completions API: `message.tool_calls` in, messages of the role `tool` out, in the same order. A model that asks
 * for no tool leaves them out.
 */
export function openAiToolMessages(
  sallyport: Sallyport,
  toolCalls: readonly OpenAiToolCall[] | null | undefined,
  options?: RunOptions,
): Promise<{ role: 'tool'; tool_call_id: string; content: string }[]> {
  return Promise.all(
    (toolCalls ?? []).map(async ({ id, function: asked }) => {
      const args = asked === undefined ? null : parseArguments(asked.arguments);
      const content =
        asked === undefined || args === null
          ? 'malformed_request: the arguments must be a JSON object'
          : (await answer(sallyport, asked.name, args, options)).text;
      return { role: 'tool' as const, tool_call_id: id, content };
    }),
  );
}

export interface AnthropicBlock {
  readonly type: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
}

/** Messages API: the content of an answer in, the `tool_result` blocks for the next user message out. */
export function anthropicToolResults(
  sallyport: Sallyport,
  content: readonly AnthropicBlock[],
  options?: RunOptions,
): Promise<{ type: 'tool_result'; tool_use_id: string; content: string; is_error: boolean }[]> {
  return Promise.all(
    content
      .filter(({ type }) => type === 'tool_use')
      .map(async ({ id = '', name = '', input }) => {
        const { text, isError } = await answer(sallyport, name, input as object, options);
        return { type: 'tool_result' as const, tool_use_id: id, content: text, is_error: isError };
      }),
  );
}

export interface VercelTool<S> {
  description: string;
  inputSchema: S;
  execute: (args: unknown, context: { readonly abortSignal?: AbortSignal | undefined }) => Promise<string>;
}

/**
 * Vercel AI SDK: `generateText({ tools: await vercelTools(sallyport, jsonSchema) })`, with the SDK's own `jsonSchema`.
 */
export async function vercelTools<S>(
  sallyport: Sallyport,
  jsonSchema: (schema: object) => S,
  options?: RunOptions,
): Promise<Record<string, VercelTool<S>>> {
  const tools = await sallyport.tools('openai');
  return Object.fromEntries(
    tools.map(({ function: { name, description, parameters } }) => [
      name,
      {
        description,
        inputSchema: jsonSchema(parameters),
        execute: async (args, { abortSignal }) => {
          const signal = abortSignal ?? options?.signal;
          return (await answer(sallyport, name, args as object, { ...options, signal })).text;
        },
      } satisfies VercelTool<S>,
    ]),
  );
}
