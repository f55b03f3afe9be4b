/** What of a JSON-RPC message the HTTP transport says in headers, and what of an HTTP answer is said in JSON-RPC. */
import { PROTOCOL_VERSION_META_KEY, parseJSONRPCMessage } from '@modelcontextprotocol/server';
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/server';

export type MessageHeaders = Readonly<Record<string, string>>;

/** An error of the transport. */
const transportError = -32_000;

/** 2026-07-28, Streamable HTTP: version, method and name are headers too. Earlier messages have what their session says. */
export function describeMessage({ method, params }: JSONRPCRequest | JSONRPCNotification): {
  readonly headers: MessageHeaders;
  readonly isModern: boolean;
} {
  const version: unknown = params?._meta?.[PROTOCOL_VERSION_META_KEY];
  if (typeof version !== 'string') return { headers: {}, isModern: false };
  const { name, taskId, uri } = (params ?? {}) as Record<string, unknown>;
  const named = [name, uri, taskId].find((value) => typeof value === 'string');
  const headers = {
    'MCP-Protocol-Version': encodeHeader(version),
    'Mcp-Method': encodeHeader(method),
    ...(named === undefined ? {} : { 'Mcp-Name': encodeHeader(named) }),
  };
  return { headers, isModern: true };
}

/** Values that a header cannot carry as they are, in the form that the transport has for them. */
function encodeHeader(value: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?/i.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`;
}

export function errorMessage(id: RequestId, message: string): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code: transportError, message } };
}

/** One message of an answer; anything else, such as a problem document, as an error with its words. */
export function parseMessage(text: string, id: RequestId, status: number): JSONRPCMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return errorMessage(id, `The server answered ${status}, and no MCP.`);
  }
  const { code, detail } = value as { code?: unknown; detail?: unknown };
  if (typeof detail === 'string') return errorMessage(id, `${String(code)}: ${detail}`);
  try {
    const message = parseJSONRPCMessage(value);
    return 'error' in message ? { ...message, id: message.id ?? id } : message;
  } catch {
    return errorMessage(id, `The server answered ${status}, and no MCP.`);
  }
}
