import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request as ExpressRequest, Response as ExpressResponse } from 'express';
import type { CallRun } from '../../calls/detached-calls.ts';
import type { CallAnswer, CallRequest } from '../../calls/call-context.ts';
import type { Refusal } from '../../calls/refusal.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Caller } from '../../model/principal.ts';
import type { Tool } from '../../model/tool.ts';
import { callerOf } from '../authenticate.ts';
import { readRawBody } from '../read-body.ts';
import type { Route } from '../route.ts';
import { transferLimits } from '../transfers.ts';
import type { Transfers } from '../transfers.ts';

/** What both doors do alike. */
export interface McpShared {
  readonly executeCall: (
    caller: Caller,
    request: CallRequest,
    observer?: Parameters<CallRun>[0],
  ) => Promise<CallAnswer>;
  readonly onArtifactRead: (caller: Caller, artifactId: string, callId: string) => Promise<void>;
  readonly describeRefusal: (refusal: Refusal, callId: string | null, requestId: string) => JsonObject;
  readonly describeTool: (tool: Tool) => object;
  readonly isStillActive: (caller: Caller) => Promise<boolean>;
  readonly isDraining: () => boolean;
}

export interface McpRouteOptions {
  /** Never rejects for what a client sent: that is an answer. */
  readonly answer: (
    caller: Caller,
    request: Request,
    body: Uint8Array,
    onDownload: () => void,
  ) => Promise<Response>;
  readonly bodyBytesMax: number;
}

/** `POST /mcp`: the Model Context Protocol, one JSON-RPC message a request. */
export function mcpRoute(
  { answer, bodyBytesMax }: McpRouteOptions,
  transfers: Pick<Transfers, 'admit'>,
  /** null where only keys are taken. */
  challenge: NonNullable<Route['challenge']> | null,
): Route {
  return {
    ...(challenge === null ? {} : { challenge }),
    method: 'post',
    path: '/mcp',
    scope: 'call',
    operationId: 'postMcp',
    summary: 'Model Context Protocol, Streamable HTTP (2026-07-28 and 2025-11-25)',
    rawBody: 'One JSON-RPC message.',
    rawBodyMediaType: 'application/json',
    success: {
      status: 200,
      schema: 'JsonRpcAnswer',
      description: 'The JSON-RPC response, or a stream that ends with it.',
      accepted: 'A notification was taken.',
      otherMediaTypes: ['text/event-stream'],
    },
    otherAnswers: {
      400: 'A JSON-RPC error: the message is malformed, or of a revision that is not served.',
      403: 'A JSON-RPC error: the `Origin` is not one that may.',
      404: 'A JSON-RPC error: there is no such method or session.',
      406: 'A JSON-RPC error: `Accept` must name application/json and text/event-stream.',
      415: 'A JSON-RPC error: the body must be application/json.',
    },
    problems: ['payload_too_large', 'unsupported_media_type', 'malformed_request'],
    audits: [
      'intent',
      'outcome',
      'queued',
      'not_started',
      'approval_requested',
      'denied',
      'invalid',
      'quota_exceeded',
      'call_cancelled',
      'artifact_read',
    ],
    async handler(request, response) {
      const body = await readRawBody(request, response, bodyBytesMax);
      const closed = new AbortController();
      response.on('close', () => closed.abort());
      await send(
        response,
        await answer(callerOf(response), webRequest(request, closed.signal), body, () =>
          transfers.admit(response),
        ),
      );
    },
  };
}

/** Its headers, and when it ends; the body goes beside it. The address is of no meaning. */
function webRequest(request: ExpressRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // The key stays at this door.
    if (name !== 'authorization' && typeof value === 'string') headers.set(name, value);
  }
  return new Request('http://sallyport.invalid/mcp', { method: 'POST', headers, signal });
}

async function send(response: ExpressResponse, answer: Response): Promise<void> {
  response.status(answer.status).set('Cache-Control', 'no-store');
  for (const [name, value] of answer.headers) response.set(name, value);
  if (answer.body === null || response.destroyed) {
    await answer.body?.cancel();
    response.end();
    return;
  }
  // A stream says something every 15 s, so a client that takes nothing for so long is gone.
  response.setTimeout(transferLimits.stalledMsMax, () => response.destroy());
  response.flushHeaders();
  try {
    await pipeline(Readable.fromWeb(answer.body as ReadableStream<Uint8Array>), response);
  } catch (error) {
    // The client left; what it asked for was told by the signal.
    if (!response.destroyed) throw error;
  }
}
