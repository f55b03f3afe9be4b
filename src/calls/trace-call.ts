/** The span of a call, from its door to its answer, where tracing is on. */
import type { Call } from '../model/call.ts';
import type { Caller } from '../model/principal.ts';
import type { OpenSpan, SpanAttributes } from '../telemetry/tracing.ts';
import type { CallAnswer, CallContext } from './call-context.ts';

/**
 * `caller`: under whose request it stands, that of the person for a call which was approved. `tool`: as it is named, null
 * where nobody has such a tool: it is anybody's text then.
 */
export async function traceCall(
  { tracing }: Pick<CallContext, 'tracing'>,
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
  const isFine = status === 'succeeded' || status === 'pending_approval' || status === 'queued';
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
