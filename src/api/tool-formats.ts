/** The same tools in the forms that model APIs and clients take as they are. */
import type { JsonObject, JsonValue } from '../model/json.ts';
import type { Tool } from '../model/tool.ts';
import { typeOf } from './schema-to-typescript.ts';

export const toolFormats = [
  'sallyport',
  'openai',
  'openai-responses',
  'anthropic',
  'mcp',
  'typescript',
] as const;
export type ToolFormat = (typeof toolFormats)[number];

const writers: Readonly<Record<ToolFormat, (tool: Tool) => object>> = {
  sallyport: (tool) => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    labels: tool.labels,
    runtime: tool.runtime.kind,
    input: tool.input,
    ...(tool.output === null ? {} : { output: tool.output }),
    limits: tool.limits,
    digest: tool.digest,
  }),
  // Chat Completions API: {type: "function", function: {name, description, parameters}}.
  openai: (tool) => ({
    type: 'function',
    function: { name: tool.name, description: tool.description, parameters: withoutDialect(tool.input) },
  }),
  // Responses API: the same, flat; `strict` must be said, its default there is true and asks for other schemas.
  'openai-responses': (tool) => ({
    type: 'function',
    name: tool.name,
    description: tool.description,
    parameters: withoutDialect(tool.input),
    strict: false,
  }),
  // Messages API: {name, description, input_schema}.
  anthropic: (tool) => ({
    name: tool.name,
    description: tool.description,
    input_schema: withoutDialect(tool.input),
  }),
  // MCP tools/list: {name, title, description, inputSchema, outputSchema?, annotations}.
  mcp: (tool) => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: tool.input,
    ...(tool.output === null ? {} : { outputSchema: tool.output }),
    annotations: {
      readOnlyHint: !tool.labels.includes('write'),
      openWorldHint: tool.labels.includes('external'),
    },
  }),
  typescript: (tool) => ({
    name: tool.name,
    declaration: `/** ${tool.description.replaceAll('*/', '* /').trim()} */\ndeclare function ${functionName(tool.name)}(args: ${typeOf(tool.input)}): Promise<${typeOf(tool.output ?? true)}>;`,
  }),
};

export function formatTools(tools: readonly Tool[], format: ToolFormat): readonly object[] {
  return tools.map(writers[format]);
}

function withoutDialect(schema: Readonly<JsonObject>): Readonly<Record<string, JsonValue>> {
  const { $schema: _dialect, ...rest } = schema;
  return rest;
}

/** Tool names may hold `-` or begin with a digit; TypeScript's may not. */
function functionName(tool: string): string {
  const name = tool.replaceAll('-', '_');
  return /^\d/.test(name) ? `_${name}` : name;
}
