/** Spans of requests and of the calls that they make, where tracing is on. */
import type { Request, RequestHandler, Response } from 'express';
import type { CallAnswer } from '../calls/call-context.ts';
import type { Call } from '../model/call.ts';
import type { Caller } from '../model/principal.ts';
import { readTraceparent } from '../model/trace.ts';
import type { TraceParent } from '../model/trace.ts';
import type { OpenSpan, SpanAttributes, Tracing } from '../telemetry/tracing.ts';
import type { Route } from './route.ts';

/** Under what a request stands: its own span, else what it brought, else nothing. */
export function traceOf(request: Request, response: Response): TraceParent | null {
  const own = response.locals['trace'] as TraceParent | undefined;
  return own ?? readTraceparent(request.get('traceparent') ?? '');
}

/** From before the key is looked at until the answer has left; the path itself may hold anything, and is left out. */
export function traceRoute(tracing: Tracing, { method, path }: Route): RequestHandler {
  const name = `${method.toUpperCase()} ${path}`;
  return (request, response, next) => {
    const given = readTraceparent(request.get('traceparent') ?? '');
    const span = tracing.open(name, {
      kind: 'server',
      parent: given,
      attributes: { 'http.request.method': method.toUpperCase(), 'http.route': path },
    });
    // What the request brought goes on to be told from what began here.
    response.locals['trace'] = { ...span.parent, isOwn: given === null } satisfies TraceParent;
    response.once('close', () => {
      const { statusCode } = response;
      span.end(
        {
          'http.response.status_code': statusCode,
          'sallyport.request_id': String(response.locals['requestId']),
        },
        statusCode >= 500 ? String(statusCode) : undefined,
      );
    });
    next();
  };
}

/** `tool`: as it is named, null where nobody has such a tool: it is anybody's text then. */
export async function traceCall(
  tracing: Tracing | null,
  { trace }: Pick<Caller, 'trace'>,
  tool: string | null,
  run: () => Promise<CallAnswer>,
): Promise<CallAnswer> {
  if (tracing === null) return run();
  const span = tracing.open(tool === null ? 'execute_tool' : `execute_tool ${tool}`, {
    kind: 'internal',
    parent: trace ?? null,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      ...(tool === null ? {} : { 'gen_ai.tool.name': tool }),
    },
  });
  try {
    const answer = await run();
    endCall(span, answer);
    return answer;
  } catch (error) {
    span.end({}, 'internal');
    throw error;
  }
}

function endCall(span: OpenSpan, answer: CallAnswer): void {
  if (answer.kind === 'refused') {
    const { callId, refusal } = answer;
    span.end(callId === null ? {} : { 'gen_ai.tool.call.id': callId }, refusal.code);
    return;
  }
  const { status } = answer.call;
  const isFine = status === 'succeeded' || status === 'pending_approval';
  span.end(callAttributes(answer.call), isFine ? undefined : status);
}

function callAttributes({ boundary, decision, id, runtime, status, usage }: Call): SpanAttributes {
  const { effect, policy, revision, rule } = decision;
  return {
    'gen_ai.tool.call.id': id,
    'sallyport.status': status,
    'sallyport.effect': effect,
    ...(policy === null || rule === null ? {} : { 'sallyport.rule': `${policy}/${rule}` }),
    'sallyport.revision': revision,
    ...(boundary === null ? {} : { 'sallyport.boundary': boundary.verdict }),
    ...(runtime === null ? {} : { 'sallyport.runtime': runtime.kind }),
    ...(usage === null
      ? {}
      : {
          'sallyport.queue_ms': usage.queueMs,
          'sallyport.wall_ms': usage.wallMs,
          'sallyport.cpu_ms': usage.cpuMs,
        }),
  };
}
