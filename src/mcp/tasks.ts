/**
 * Calls as tasks, by both their forms: the extension `io.modelcontextprotocol/tasks` of 2026-07-28, and the tasks of
 * 2025-11-25. A task is a call and its id the call's, so nothing is kept for it; one's own are found, others do not exist.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
} from '@modelcontextprotocol/server';
import type { CallToolResult, ClientCapabilities, Result, ServerContext } from '@modelcontextprotocol/server';
import { isOpen } from '../model/call.ts';
import type { Call } from '../model/call.ts';
import type { Caller } from '../model/principal.ts';
import { invalidParams } from './errors.ts';
import type { Exchange, McpOptions } from './mcp-options.ts';
import { callResult } from './tool-result.ts';

export const tasksExtension = 'io.modelcontextprotocol/tasks';

const pollIntervalMs = 1000;
/** One `tasks/result` of 2025-11-25 stays open so long; calls that need longer are asked for again. */
const resultWaitMsMax = 600_000;
const callIdPattern = /^call_[0-9A-HJKMNP-TV-Z]{26}$/;

type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';

/** Whether the client of a 2026-07-28 request says that it knows tasks. */
export function takesTasks({ mcpReq: { envelope } }: ServerContext): boolean {
  // The door has checked its form; the SDK's type for it is empty.
  const checked = envelope as Readonly<Record<string, ClientCapabilities | undefined>> | undefined;
  return checked?.[CLIENT_CAPABILITIES_META_KEY]?.extensions?.[tasksExtension] !== undefined;
}

/** null for a call that does not exist or is another's, which nobody can tell apart. */
export async function ownCall(
  { record }: Pick<McpOptions, 'record'>,
  { principal }: Caller,
  callId: string,
): Promise<Call | null> {
  const stored = callIdPattern.test(callId) ? await record.getCall(callId) : null;
  const isOwn = stored?.principal === principal.id && stored.tenant === principal.tenant;
  return isOwn ? stored.call : null;
}

export function createdTask(era: Exchange['era'], call: Call): Result {
  return era === 'modern' ? { resultType: 'task', ...modernTask(call) } : { task: legacyTask(call) };
}

export class Tasks {
  readonly #options: McpOptions;

  constructor(options: McpOptions) {
    this.#options = options;
  }

  async get(exchange: Exchange, taskId: string, context: ServerContext): Promise<Result> {
    const call = await this.#find(exchange, taskId, context);
    if (exchange.era === 'legacy') return legacyTask(call);
    const task = modernTask(call);
    if (task.status !== 'completed') return { ...task };
    return { ...task, result: callResult(this.#options.revision(), call, this.#options.newMark()) };
  }

  /** What a task waits for here is a person's approval, never input of its client: there is nothing to take up. */
  async update(exchange: Exchange, taskId: string, context: ServerContext): Promise<Result> {
    await this.#find(exchange, taskId, context);
    return {};
  }

  async cancel(exchange: Exchange, taskId: string, context: ServerContext): Promise<Result> {
    const call = await this.#find(exchange, taskId, context);
    const { cancelCall, record } = this.#options;
    const stored = await record.getCall(call.id);
    if (stored === null) throw unknownTask();
    const isLegacy = exchange.era === 'legacy';
    if (!isOpen(call)) {
      if (isLegacy) throw invalidParams(`The task has ended: ${call.status}.`);
      return {};
    }
    const cancelled = await cancelCall(exchange.caller, stored);
    return isLegacy ? legacyTask(cancelled.call) : {};
  }

  /** 2025-11-25, `tasks/result`: answers once the call has ended. */
  async result(
    exchange: Exchange,
    taskId: string,
    context: ServerContext,
  ): Promise<{ readonly result: CallToolResult; readonly tool: string }> {
    const call = await this.#find(exchange, taskId, context);
    const { newMark, revision, waiter } = this.#options;
    const ended = await waiter.wait({
      callId: call.id,
      caller: exchange.caller,
      isDone: (now) => !isOpen(now),
      withinMs: resultWaitMsMax,
      signal: context.mcpReq.signal,
    });
    if (ended === null) throw unknownTask();
    const result = callResult(revision(), ended, newMark());
    const related = { 'io.modelcontextprotocol/related-task': { taskId } };
    return { tool: ended.tool, result: { ...result, _meta: { ...result._meta, ...related } } };
  }

  async #find(exchange: Exchange, taskId: string, context: ServerContext): Promise<Call> {
    if (exchange.era === 'modern' && !takesTasks(context)) {
      throw new MissingRequiredClientCapabilityError({
        requiredCapabilities: { extensions: { [tasksExtension]: {} } },
      });
    }
    const call = await ownCall(this.#options, exchange.caller, taskId);
    if (call === null) throw unknownTask();
    return call;
  }
}

function unknownTask(): Error {
  return invalidParams('There is no such task, or it is not yours to see.');
}

function modernTask(call: Call) {
  const { createdAt, finishedAt, id, startedAt } = call;
  const status = taskStatus(call);
  return {
    taskId: id,
    status,
    ...statusMessage(call),
    createdAt,
    lastUpdatedAt: finishedAt ?? startedAt ?? createdAt,
    ttlMs: null,
    pollIntervalMs,
  };
}

function legacyTask(call: Call) {
  const { pollIntervalMs: pollInterval, status, ttlMs: ttl, ...task } = modernTask(call);
  const isFailed = status === 'completed' && call.status !== 'succeeded';
  return { ...task, status: isFailed ? ('failed' as const) : status, ttl, pollInterval };
}

/** What an ended call yielded, its failures too, is a result; only a call that was taken back has none. */
function taskStatus(call: Call): TaskStatus {
  if (call.status === 'cancelled') return 'cancelled';
  return isOpen(call) ? 'working' : 'completed';
}

function statusMessage({ status }: Call): { statusMessage?: string } {
  if (status === 'pending_approval') return { statusMessage: 'Waits until somebody approves it.' };
  return { statusMessage: status.replaceAll('_', ' ') };
}
