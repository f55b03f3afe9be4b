/** Several runners as one: a call goes to the one with the fewest calls that serves now. */
import { NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutionRequest, Executor } from '../executor.ts';
import type { RunnerConnection, RunnerState } from './runner-connection.ts';

export class RunnerGroup implements Executor {
  readonly #runners: readonly RunnerConnection[];

  constructor(runners: readonly RunnerConnection[]) {
    this.#runners = runners;
  }

  run(request: ExecutionRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame> {
    let chosen: RunnerConnection | null = null;
    for (const runner of this.#runners) {
      if (runner.isServing && (chosen === null || runner.callCount < chosen.callCount)) chosen = runner;
    }
    chosen ??= this.#runners[0] ?? null;
    if (chosen === null) throw new NotStarted('runtime_unavailable', 'No runner is configured.');
    return chosen.run(request, signal);
  }

  /** In the order of the configuration. */
  state(): Promise<readonly RunnerState[]> {
    return Promise.all(this.#runners.map((runner) => runner.state()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner[Symbol.asyncDispose]()));
  }
}
