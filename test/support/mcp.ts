/** MCP clients of both revisions: the official one, and one that sends whatever a test wants to be sent. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { ClientOptions } from '@modelcontextprotocol/client';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestServer } from './server.ts';

export type Era = '2026-07-28' | '2025-11-25';
export const eras = ['2026-07-28', '2025-11-25'] as const;

export class McpClient extends Client implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The official client, connected. */
export async function connectMcp(
  { url }: Pick<TestServer, 'url'>,
  key: string,
  era: Era,
  options: ClientOptions = {},
): Promise<McpClient> {
  const mode = era === '2025-11-25' ? 'legacy' : ({ pin: era } as const);
  const client = new McpClient({ name: 'test', version: '1' }, { ...options, versionNegotiation: { mode } });
  const requestInit = { headers: { Authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit }));
  return client;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line typescript/no-explicit-any -- answers are asserted on, field by field
  readonly body: any;
}

export interface RawRequest {
  readonly method: string;
  readonly params?: Record<string, unknown>;
  readonly id?: number | string | null;
  /** The client's, declared in a 2026-07-28 request. */
  readonly capabilities?: object;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export const tasksCapability = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

/** One message as a well-behaved client of the revision frames it. `id: null` makes it a notification. */
export function sendMcp(server: TestServer, key: string, era: Era, request: RawRequest): Promise<RawAnswer> {
  const { capabilities = {}, headers = {}, id = 1, method, params = {}, signal } = request;
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  const meta = {
    'io.modelcontextprotocol/protocolVersion': era,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...(params['_meta'] as object | undefined),
  };
  const message = {
    jsonrpc: '2.0',
    ...(id === null ? {} : { id }),
    method,
    params: era === '2026-07-28' ? { ...params, _meta: meta } : params,
  };
  return postMcp(
    server,
    JSON.stringify(message),
    {
      Authorization: `Bearer ${key}`,
      'MCP-Protocol-Version': era,
      ...(era === '2026-07-28' ? { 'Mcp-Method': method } : {}),
      ...(era === '2026-07-28' && typeof name === 'string' ? { 'Mcp-Name': name } : {}),
      ...headers,
    },
    signal,
  );
}

/** Any bytes. The answer is the JSON body, else the last message of the stream. */
export async function postMcp(
  server: Pick<TestServer, 'url'>,
  body: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const response = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    },
    body,
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const last = text
    .split('\n')
    .findLast((line) => line.startsWith('data: '))
    ?.slice(6);
  return { status: response.status, headers: response.headers, body: parse(isStream ? (last ?? '') : text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Tools of every kind that the door treats differently: `add`, `loop`, `fail`, `echo`, `refund`, and `hidden` from all but admins. */
export function mcpPolicyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mcp-'));
  for (const [name, code] of Object.entries(sources))
    writeFileSync(join(directory, `${name}.js`), `${code}\n`);
  writeFileSync(join(directory, 'policy.yaml'), policy);
  return directory;
}

const sources = {
  add: 'export default ({ a, b }) => ({ sum: a + b });',
  loop: 'export default () => { for (;;); };',
  fail: "export default () => { throw new TypeError('no such column'); };",
  echo: 'export default ({ value }) => value;',
  refund: 'export default ({ cents }) => ({ paid: cents });',
  hidden: 'export default () => 1;',
};

const tool = (name: string, input: string, more = ''): string => `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: ${name}, title: ${name}, description: For tests.}
spec:
  input: {type: object, additionalProperties: false, ${input}}
${more}  runtime: {kind: isolate, code: ./${name}.js}
  limits: {timeout: 60s}
`;

const policy = [
  tool(
    'add',
    'required: [a, b], properties: {a: {type: integer}, b: {type: integer, maximum: 1000}}',
    '  output: {type: object, required: [sum], properties: {sum: {type: integer}}}\n',
  ),
  tool('loop', 'properties: {}'),
  tool('fail', 'properties: {}', '  output: {type: object}\n'),
  tool(
    'echo',
    'required: [value], properties: {value: {type: string}}',
    '  output: {type: string, maxLength: 20}\n',
  ),
  tool('refund', 'required: [cents], properties: {cents: {type: integer}}'),
  tool('hidden', 'properties: {}'),
  `
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
  rules:
    - {name: most, effect: allow, tools: [loop, fail, echo]}
    - {name: small, effect: allow, tools: [add], when: args.a <= 100}
    - name: paid
      effect: require_approval
      tools: [refund]
      message: A lead has to agree.
      approval: {approvers: [{roles: [lead]}], expires: 1h}
`,
  `
apiVersion: sallyport/v1
kind: Policy
metadata: {name: q}
spec:
  subjects: [{roles: [operator]}]
  rules:
    - {name: hidden, effect: allow, tools: [hidden]}
`,
].join('---');
