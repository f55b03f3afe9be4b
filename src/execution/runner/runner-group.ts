/** Several runners as one: a call goes to the one with the fewest calls that serves now, a session's to the one that holds it. */
import { Lost, NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutionRequest, Executor } from '../executor.ts';
import type { FileAnswer, FileOperation, SessionHost, SessionRef, SessionRequest } from '../sessions.ts';
import type { RuntimeReport } from '../../model/call.ts';
import type { RunnerConnection, RunnerState } from './runner-connection.ts';
import { parseFileList } from './session-messages.ts';
import type { SessionMessage } from './session-messages.ts';

export interface HoldAnswer {
  readonly connectedCount: number;
  readonly holdingCount: number;
  /** What the connected ones hold that do not have it. */
  readonly others: readonly string[];
}

const noData = new Uint8Array();

export class RunnerGroup implements Executor, SessionHost {
  readonly #runners: readonly RunnerConnection[];

  constructor(runners: readonly RunnerConnection[]) {
    this.#runners = runners;
  }

  run(request: ExecutionRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame> {
    const { session } = request;
    const chosen = session === undefined ? this.#leastBusy(request.revision) : this.#named(session.runner);
    return chosen.run(request, signal);
  }

  /**
   * Asks each runner to hold a revision; an empty one asks them to look at their files. A runner that is not connected
   * is asked when it is.
   */
  async hold(revision: string): Promise<HoldAnswer> {
    const answers = await Promise.all(this.#runners.map((runner) => runner.hold(revision)));
    const connected = answers.filter((answer) => answer !== null);
    const others = connected.filter((answer) => answer !== revision);
    return { connectedCount: connected.length, holdingCount: connected.length - others.length, others };
  }

  async open(request: SessionRequest): Promise<{ runner: string; runtime: RuntimeReport }> {
    const chosen = this.#leastBusy(request.revision);
    const { answer } = await chosen.askSession({ op: 'open', ...request }, noData);
    if (answer.kind !== 'opened') throw unexpected(answer.kind);
    return { runner: chosen.name, runtime: answer.runtime };
  }

  async check(ref: SessionRef): Promise<boolean> {
    const { answer } = await this.#named(ref.place.runner).askSession(
      { op: 'check', ...target(ref) },
      noData,
    );
    if (answer.kind !== 'checked') throw unexpected(answer.kind);
    return answer.isHeld;
  }

  async close(ref: SessionRef): Promise<void> {
    await this.#named(ref.place.runner).askSession({ op: 'close', ...target(ref) }, noData);
  }

  async exchange(ref: SessionRef, operation: FileOperation): Promise<FileAnswer> {
    const data = operation.kind === 'put' ? operation.data : noData;
    const message = messageOf(ref, operation);
    const answered = await this.#named(ref.place.runner).askSession(message, data);
    const { answer } = answered;
    if (answer.kind === 'refused') return answer;
    if (answer.kind !== 'done') throw unexpected(answer.kind);
    const files = operation.kind === 'list' ? parseFileList(answered.data) : [];
    if (files === null) throw new Lost('the runner listed files in a way that is not understood');
    const content = operation.kind === 'get' ? answered.data : noData;
    return { kind: 'done', data: content, files, dropped: answer.dropped };
  }

  outlivesApi(runner: string): boolean {
    return this.#runners.some(({ name, outlivesApi }) => name === runner && outlivesApi);
  }

  /** In the order of the configuration. */
  state(): Promise<readonly RunnerState[]> {
    return Promise.all(this.#runners.map((runner) => runner.state()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner[Symbol.asyncDispose]()));
  }

  #leastBusy(revision: string): RunnerConnection {
    let chosen: RunnerConnection | null = null;
    for (const runner of this.#runners) {
      if (runner.holds(revision) && (chosen === null || runner.callCount < chosen.callCount)) chosen = runner;
    }
    // One that does not hold it says so itself.
    chosen ??= this.#runners.find((runner) => runner.isServing) ?? this.#runners[0] ?? null;
    if (chosen === null) throw new NotStarted('runtime_unavailable', 'No runner is configured.');
    return chosen;
  }

  #named(name: string): RunnerConnection {
    const runner = this.#runners.find((candidate) => candidate.name === name);
    if (runner !== undefined) return runner;
    throw new NotStarted(
      'session_ended',
      `The session was held by the runner ${name}, which is not configured.`,
    );
  }
}

function target({ place, tenant, principal }: SessionRef): {
  sessionId: string;
  tenant: string;
  principal: string;
} {
  return { sessionId: place.id, tenant, principal };
}

function messageOf(ref: SessionRef, operation: FileOperation): SessionMessage {
  const to = target(ref);
  switch (operation.kind) {
    case 'put':
      return { op: 'put', ...to, path: operation.path, dataBytes: operation.data.length };
    case 'get':
      return { op: 'get', ...to, path: operation.path, bytesMax: operation.bytesMax };
    case 'list':
      return { op: 'list', ...to, path: operation.prefix };
    case 'remove':
      return { op: 'remove', ...to, path: operation.path };
    default:
      return operation satisfies never;
  }
}

function unexpected(kind: string): Lost {
  return new Lost(`the runner answered ${kind} to something else`);
}
