/**
 * `tools/call`: the one path, with what MCP adds around it. A call that waits for a person answers `input_required`
 * (2026-07-28), and is asked for again with the state that came along; a long one answers with a task where the client
 * knows tasks. Refusals and failures are results, never protocol errors: a model reads results.
 */
import type { CallToolResult, Result, ServerContext } from '@modelcontextprotocol/server';
import { RecordUnavailable } from '../audit/record.ts';
import type { CallAnswer, CallObserver, CallRequest } from '../calls/call-context.ts';
import { isOpen } from '../model/call.ts';
import type { Call } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import type { CallMeta } from './call-meta.ts';
import { invalidParams } from './errors.ts';
import type { Exchange, McpOptions } from './mcp-options.ts';
import type { OpenRequests } from './open-requests.ts';
import { Progress } from './progress.ts';
import { mintRequestState, openRequestState } from './request-state.ts';
import type { StateBinding } from './request-state.ts';
import { createdTask, ownCall, takesTasks } from './tasks.ts';
import { callResult, problemResult } from './tool-result.ts';

/** A call that takes longer is answered with a task, where the client knows tasks. */
export const taskAfterMs = 2000;
/** How long a later round stays open for a call that waits for a person, and the only one of a 2025-11-25 client: they give up after 60 s. */
const approvalWaitMsMax = 20_000;
const legacyWaitMsMax = 50_000;
/** On top of a call's own time: to start, to end, to be filtered and recorded. */
const graceMs = 10_000;

export interface CallToolParams {
  readonly name: string;
  readonly arguments: JsonObject;
  /** 2025-11-25: the client wants a task, whatever the call takes. */
  readonly wantsTask: boolean;
  readonly meta: CallMeta;
}

export class CallTool {
  readonly #options: McpOptions;
  readonly #requests: OpenRequests;

  constructor(options: McpOptions, requests: OpenRequests) {
    this.#options = options;
    this.#requests = requests;
  }

  async call(exchange: Exchange, params: CallToolParams, context: ServerContext): Promise<Result> {
    const state: unknown = exchange.era === 'modern' ? context.mcpReq.requestState() : undefined;
    if (state !== undefined) return this.#goOn(exchange, params, state, context);
    using ended = this.#cancelling(exchange, context);
    const { caller } = exchange;
    let answer: CallAnswer;
    try {
      answer = await this.#run(exchange, params, context, ended);
    } catch (error) {
      if (!(error instanceof RecordUnavailable)) throw error;
      return problemResult(this.#describe(recordUnavailable, null, caller.requestId));
    }
    if (answer.kind === 'refused')
      return problemResult(this.#describe(answer.refusal, answer.callId, caller.requestId));
    return this.#answer(exchange, params, answer.call, context);
  }

  /** Runs it to its end, or until it has become a task. */
  async #run(
    exchange: Exchange,
    params: CallToolParams,
    context: ServerContext,
    ended: Cancelling,
  ): Promise<CallAnswer> {
    const { detached, executeCall } = this.#options;
    const request: CallRequest = {
      tool: params.name,
      args: params.arguments,
      limits: {},
      ...params.meta,
      session: null,
    };
    using progress = new Progress(context);
    const run = (observer: CallObserver): Promise<CallAnswer> =>
      executeCall(exchange.caller, request, {
        ...(observer.queued === undefined
          ? {}
          : {
              queued: (call) => {
                observer.queued?.(call);
                ended.begun(call.id);
              },
            }),
        begun: (call) => {
          observer.begun?.(call);
          ended.begun(call.id);
          progress.begun(call);
        },
      });
    const answer = await (taskWaitMs(exchange, params, context) === null
      ? run({})
      : detached.answerWithin(taskWaitMs(exchange, params, context) ?? 0, run));
    // It waits for a person, and whoever asked is gone: without a key nobody could ever fetch what becomes of it.
    if (
      request.idempotencyKey === null &&
      answer.kind === 'call' &&
      answer.call.status === 'pending_approval'
    )
      ended.begun(answer.call.id);
    return answer;
  }

  /** A later round of a call: where it has got to by now. */
  async #goOn(
    exchange: Exchange,
    params: CallToolParams,
    state: unknown,
    context: ServerContext,
  ): Promise<Result> {
    const { stateKey } = this.#options;
    const binding = bindingOf(exchange, params);
    const callId =
      typeof state === 'string' ? await openRequestState(stateKey, state, binding, context) : null;
    const call = callId === null ? null : await ownCall(this.#options, exchange.caller, callId);
    if (call === null) throw invalidParams('Invalid or expired requestState');
    return this.#answer(exchange, params, await this.#decided(exchange, call, context), context);
  }

  async #answer(
    exchange: Exchange,
    params: CallToolParams,
    call: Call,
    context: ServerContext,
  ): Promise<Result> {
    const waitMs = taskWaitMs(exchange, params, context);
    if (!isOpen(call)) return this.#result(call);
    if (exchange.era === 'modern' && call.status === 'pending_approval') {
      const { now, stateKey } = this.#options;
      const binding = bindingOf(exchange, params);
      return {
        resultType: 'input_required',
        // Nothing that the client could give.
        inputRequests: {},
        requestState: await mintRequestState(stateKey, now(), call, binding, context),
      };
    }
    if (waitMs !== null) return createdTask(exchange.era, call);
    return this.#result(await this.#ended(exchange, call, context));
  }

  /** The call once a person has decided, or as it stands after a while. */
  #decided(exchange: Exchange, call: Call, context: ServerContext): Promise<Call> {
    return this.#waitFor(
      exchange,
      call,
      context,
      approvalWaitMsMax,
      ({ status }) => status !== 'pending_approval',
    );
  }

  /**
   * For a client that knows no tasks: one that was approved meanwhile, to its end; one of a 2025-11-25 client, which
   * cannot be told to ask again, for as long as it will wait.
   */
  #ended(exchange: Exchange, call: Call, context: ServerContext): Promise<Call> {
    const withinMs = call.status === 'pending_approval' ? legacyWaitMsMax : call.limits.timeoutMs + graceMs;
    return this.#waitFor(exchange, call, context, withinMs, (now) => !isOpen(now));
  }

  async #waitFor(
    { caller }: Exchange,
    call: Call,
    { mcpReq: { signal } }: ServerContext,
    withinMs: number,
    isDone: (call: Call) => boolean,
  ): Promise<Call> {
    try {
      return (await this.#options.waiter.wait({ callId: call.id, caller, isDone, withinMs, signal })) ?? call;
    } catch (error) {
      if (!(error instanceof RecordUnavailable)) throw error;
      // It has begun: as it stood is the truth, and that nothing was done may be none.
      return call;
    }
  }

  #result(call: Call): CallToolResult {
    return callResult(this.#options.revision(), call, this.#options.newMark());
  }

  #describe(...refused: Parameters<McpOptions['describeRefusal']>): JsonObject {
    return this.#options.describeRefusal(...refused);
  }

  /** What takes the call back: a closed stream (2026-07-28), or a notification that names the request (2025-11-25). */
  #cancelling(exchange: Exchange, { mcpReq: { id, signal } }: ServerContext): Cancelling {
    const cancelling = new Cancelling((callId) => void this.#cancel(exchange, callId));
    const cancel = (): void => cancelling.cancel();
    if (exchange.era === 'modern') signal.addEventListener('abort', cancel);
    const entered = exchange.era === 'modern' ? null : this.#requests.enter(exchange, id, cancel);
    cancelling.onDispose(() => {
      signal.removeEventListener('abort', cancel);
      entered?.[Symbol.dispose]();
    });
    if (exchange.era === 'modern' && signal.aborted) cancel();
    return cancelling;
  }

  async #cancel({ caller }: Exchange, callId: string): Promise<void> {
    const { cancelCall, logger, record } = this.#options;
    try {
      const stored = await record.getCall(callId);
      if (stored !== null) await cancelCall(caller, stored);
    } catch (error) {
      logger.error({ err: error, callId }, 'a call could not be cancelled');
    }
  }
}

/** Cancels once both are known: that it is wanted, and which call. */
class Cancelling implements Disposable {
  readonly #cancel: (callId: string) => void;
  #callId: string | null = null;
  #isWanted = false;
  #dispose: () => void = () => {};

  constructor(cancel: (callId: string) => void) {
    this.#cancel = cancel;
  }

  begun(callId: string): void {
    this.#callId = callId;
    if (this.#isWanted) this.#cancel(callId);
  }

  cancel(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (this.#callId !== null) this.#cancel(this.#callId);
  }

  onDispose(dispose: () => void): void {
    this.#dispose = dispose;
  }

  [Symbol.dispose](): void {
    this.#dispose();
  }
}

/** After how long a call is answered with a task; null where the client knows none. */
function taskWaitMs({ era }: Exchange, { wantsTask }: CallToolParams, context: ServerContext): number | null {
  if (era === 'legacy') return wantsTask ? 0 : null;
  return takesTasks(context) ? taskAfterMs : null;
}

function bindingOf({ caller }: Exchange, { name, arguments: args }: CallToolParams): StateBinding {
  return { caller, tool: name, args };
}

const recordUnavailable = {
  code: 'audit_unavailable',
  detail: 'The record cannot be written or read, so nothing was done. GET /ready says why.',
} as const;
