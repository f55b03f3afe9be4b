/**
 * The MCP door: Streamable HTTP, 2026-07-28 and 2025-11-25, without state between requests. Authentication, rate and
 * body limits are behind us when a request comes in. Hostile: every byte of it. Trusted: the caller.
 */
import { createMcpHandler, validateOriginHeader } from '@modelcontextprotocol/server';
import type { McpHttpHandler } from '@modelcontextprotocol/server';
import { parseBoundedJson, requestJsonCaps } from '../calls/bounded-json.ts';
import type { JsonValue } from '../model/json.ts';
import type { Caller } from '../model/principal.ts';
import { readTraceparent } from '../model/trace.ts';
import { CallTool } from './call-tool.ts';
import type { Exchange, McpOptions } from './mcp-options.ts';
import { createMcpServer } from './mcp-server.ts';
import { OpenRequests } from './open-requests.ts';
import { createSessionId, isSessionOf } from './session-id.ts';
import { Subscriptions, subscriptionsMax } from './subscriptions.ts';
import { Tasks } from './tasks.ts';

const sessionHeader = 'mcp-session-id';
/** JSON-RPC 2.0, and what MCP takes for refusals of its transport. */
const codes = {
  parseError: -32_700,
  invalidRequest: -32_600,
  internalError: -32_603,
  refused: -32_000,
} as const;

export class McpDoor {
  readonly #options: McpOptions;
  readonly #handler: McpHttpHandler;
  readonly #subscriptions: Subscriptions;

  constructor(options: McpOptions) {
    this.#options = options;
    this.#subscriptions = new Subscriptions(options);
    const requests = new OpenRequests(options.fellows);
    const rooms = { options, requests, calls: new CallTool(options, requests), tasks: new Tasks(options) };
    this.#handler = createMcpHandler(
      ({ authInfo, era }) => {
        const from = authInfo?.extra?.['from'] as Omit<Exchange, 'era'> | undefined;
        if (from === undefined) throw new TypeError('this request did not come through the door');
        return createMcpServer(rooms, { ...from, era });
      },
      { legacy: 'stateless', bus: this.#subscriptions, maxSubscriptions: subscriptionsMax },
    );
  }

  /** Answers one POST. `onDownload` may throw the `Problem` that there is no room for a file. `request` carries the headers, and ends with the connection; `body` its bytes, under the cap. */
  async answer(
    caller: Caller,
    request: Request,
    body: Uint8Array,
    onDownload: () => void,
  ): Promise<Response> {
    const origin = validateOriginHeader(request.headers.get('origin'), [...this.#options.originHosts]);
    if (!origin.ok) return refusal(403, codes.refused, 'Requests from this Origin are not taken.');
    const parsed = parseBoundedJson(body, requestJsonCaps);
    if (!parsed.ok) return refusal(400, codes.parseError, `The body ${parsed.message}`);
    const message = parsed.value;
    if (Array.isArray(message))
      return refusal(400, codes.invalidRequest, 'Send one message at a time: there are no batches.');
    const method = memberOf(message, 'method');
    const sessionId = request.headers.get(sessionHeader);
    if (sessionId !== null && !isSessionOf(this.#options.stateKey, caller, sessionId))
      return refusal(404, codes.refused, 'There is no such session; initialize a new one.');
    if (method === 'resources/read') onDownload();
    const from: Omit<Exchange, 'era'> = { caller: traced(caller, message), sessionId, method };
    if (method === 'subscriptions/listen') return this.#listen(from, request, message);
    const answer = await this.#pass(from, request, message);
    if (method === 'initialize' && answer.ok) {
      const { newMark, stateKey } = this.#options;
      answer.headers.set(sessionHeader, createSessionId(stateKey, caller, newMark()));
    }
    return answer;
  }

  #pass(from: Omit<Exchange, 'era'>, request: Request, message: JsonValue): Promise<Response> {
    const { keyId, principal, scopes } = from.caller;
    return this.#handler.fetch(request, {
      parsedBody: message,
      authInfo: { token: keyId, clientId: principal.id, scopes: [...scopes], extra: { from } },
    });
  }

  #listen(from: Omit<Exchange, 'era'>, request: Request, message: JsonValue): Promise<Response> {
    if (this.#subscriptions.isFull(from.caller))
      return Promise.resolve(
        refusal(200, codes.internalError, 'Subscription limit reached', memberOf(message, 'id')),
      );
    return this.#subscriptions.within(from.caller, (leaving) => {
      const signal = AbortSignal.any([request.signal, leaving]);
      return this.#pass(from, new Request(request, { signal }), message);
    });
  }
}

function refusal(status: number, code: number, message: string, id: JsonValue = null): Response {
  const isId = typeof id === 'string' || typeof id === 'number';
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: isId ? id : null }, { status });
}

function memberOf(value: JsonValue, name: string): JsonValue {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value[name] ?? null) : null;
}

/** The header counts, then `_meta.traceparent`. */
function traced(caller: Caller, message: JsonValue): Caller {
  if (caller.traceId !== null && caller.trace?.isOwn !== true) return caller;
  const given = memberOf(memberOf(memberOf(message, 'params'), '_meta'), 'traceparent');
  const trace = typeof given === 'string' ? readTraceparent(given) : null;
  return trace === null ? caller : { ...caller, traceId: trace.traceId, trace };
}
