/** Several runners as one: a call goes to the one with the fewest calls that serves now. */
import { NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutionRequest, Executor } from '../executor.ts';
import type { RunnerConnection, RunnerState } from './runner-connection.ts';

export interface HoldAnswer {
  readonly connectedCount: number;
  readonly holdingCount: number;
  /** What the connected ones hold that do not have it. */
  readonly others: readonly string[];
}

export class RunnerGroup implements Executor {
  readonly #runners: readonly RunnerConnection[];

  constructor(runners: readonly RunnerConnection[]) {
    this.#runners = runners;
  }

  run(request: ExecutionRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame> {
    let chosen: RunnerConnection | null = null;
    for (const runner of this.#runners) {
      if (runner.holds(request.revision) && (chosen === null || runner.callCount < chosen.callCount))
        chosen = runner;
    }
    // One that does not hold it says so itself.
    chosen ??= this.#runners.find((runner) => runner.isServing) ?? this.#runners[0] ?? null;
    if (chosen === null) throw new NotStarted('runtime_unavailable', 'No runner is configured.');
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

  /** In the order of the configuration. */
  state(): Promise<readonly RunnerState[]> {
    return Promise.all(this.#runners.map((runner) => runner.state()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#runners.map((runner) => runner[Symbol.asyncDispose]()));
  }
}
