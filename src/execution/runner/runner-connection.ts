/** Keeps one runner at hand: opens it, checks that it holds the same policy, and opens it again when it is lost. */
import { NotStarted } from '../executor.ts';
import type { ExecutionFrame, ExecutionRequest, Executor } from '../executor.ts';
import type { RunnerHealth } from './messages.ts';
import type { OpenedRunner, RunnerOpener } from './open-runner.ts';
import { RunnerClient } from './runner-client.ts';
import type { OnSessionEnded } from '../sessions.ts';
import type { SessionMessage } from './session-messages.ts';
import type { AnsweredSession } from './session-requests.ts';
import { RestartPause } from './restart-pause.ts';
import { within } from '../../model/within.ts';

/** Revisions that a runner keeps. */
const heldMax = 3;
/** How long the runner may take to say how it is. */
const healthMsMax = 5000;
/** How long an orderly end may take before it is ended. */
const stopMsMax = 10_000;

export interface RunnerConnectionOptions {
  readonly opener: RunnerOpener;
  /** Revision that the runner must hold, or calls would be decided and run under different ones; asked when they meet. */
  readonly revision: () => Promise<string>;
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** The runner went away unasked. */
  readonly onLost: (reason: string) => void;
  /** It serves now, for the first time or again. */
  readonly onServing?: (runner: string) => void;
  readonly onSessionEnded?: OnSessionEnded;
  /** Sandboxes that it removed, each told once. */
  readonly onOrphans?: (runner: string, containers: readonly string[]) => void;
}

export interface RunnerState {
  readonly state: 'ok' | 'down';
  readonly reason: string | null;
  readonly identity: RunnerOpener['identity'];
  readonly name: string;
  readonly health: RunnerHealth | null;
}

export class RunnerConnection implements Executor {
  readonly #options: RunnerConnectionOptions;
  #opened: OpenedRunner | null = null;
  /** Set while it serves. */
  #client: RunnerClient | null = null;
  /** What the runner said that it holds, latest last. */
  #held: string[] = [];
  readonly #restartPause = new RestartPause();
  #restartTimer: NodeJS.Timeout | null = null;
  #isStopping = false;
  #downReason = 'it has not started yet';

  private constructor(options: RunnerConnectionOptions) {
    this.#options = options;
  }

  /** Resolves when the runner has said hello with the same revision; rejects when it cannot start. */
  static async start(options: RunnerConnectionOptions): Promise<RunnerConnection> {
    const connection = new RunnerConnection(options);
    try {
      await connection.#open();
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For a runner that starts on its own: at once, connected or not yet. */
  static startInBackground(options: RunnerConnectionOptions): RunnerConnection {
    const connection = new RunnerConnection(options);
    void connection.#tryToOpen();
    return connection;
  }

  get name(): string {
    return this.#options.opener.name;
  }
  /** It goes on when this process stops. */
  get outlivesApi(): boolean {
    return this.#options.opener.outlivesApi();
  }
  get isServing(): boolean {
    return this.#client !== null;
  }
  /** Whether it said that it holds a revision. */
  holds(revision: string): boolean {
    return this.#client !== null && this.#held.includes(revision);
  }

  /** Asks for a revision, an empty one for a look at the files. Null where nobody is connected. */
  async hold(revision: string): Promise<string | null> {
    const client = this.#client;
    if (client === null) return null;
    try {
      const answer = await client.hold(revision);
      if (client === this.#client && answer !== '') this.#note(answer);
      return answer;
    } catch {
      return null;
    }
  }

  /** Calls under way. */
  get callCount(): number {
    return this.#client?.callCount ?? 0;
  }

  #note(revision: string): void {
    this.#held = [...this.#held.filter((held) => held !== revision), revision].slice(-heldMax);
  }

  run(request: ExecutionRequest, signal: AbortSignal): AsyncIterable<ExecutionFrame> {
    if (this.#client === null) {
      throw new NotStarted('runtime_unavailable', `The runner is down (${this.#downReason}).`);
    }
    return this.#client.run(request, signal);
  }

  async askSession(message: SessionMessage, data: Uint8Array): Promise<AnsweredSession> {
    if (this.#client === null)
      throw new NotStarted('runtime_unavailable', `The runner is down (${this.#downReason}).`);
    return await this.#client.askSession(message, data);
  }

  async state(): Promise<RunnerState> {
    const { identity, name } = this.#options.opener;
    if (this.#client === null)
      return { state: 'down', reason: this.#downReason, identity, name, health: null };
    try {
      const health = await within(healthMsMax, this.#client.health());
      const wanted = await this.#options.revision();
      if (!this.holds(wanted))
        return { state: 'down', reason: this.#differing(wanted), identity, name, health: null };
      return { state: 'ok', reason: null, identity, name, health };
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'no answer';
      return { state: 'down', reason, identity, name, health: null };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    const opened = this.#opened;
    if (opened === null) return;
    this.#client?.close();
    opened.stream.destroy();
    const timer = setTimeout(() => opened.kill(), stopMsMax);
    await opened.gone;
    clearTimeout(timer);
  }

  async #open(): Promise<void> {
    const openedAt = performance.now();
    const opened = this.#options.opener.open();
    this.#opened = opened;
    const wanted = this.#options.revision();
    let ownReason: string | null = null;
    const onGivenUp = (reason: string): void => {
      ownReason = reason;
      opened.onGivenUp?.();
      opened.kill();
    };
    const { onOrphans, onSessionEnded } = this.#options;
    const client = new RunnerClient(opened.stream, {
      revision: wanted,
      onGivenUp,
      ...(onSessionEnded !== undefined && { onSessionEnded }),
      ...(onOrphans !== undefined && { onOrphans: (containers) => onOrphans(this.name, containers) }),
    });
    void opened.gone.then((reason) =>
      this.#lost(opened, client, ownReason ?? reason, performance.now() - openedAt),
    );
    const [hello, revision] = await Promise.all([client.hello, wanted]);
    if (hello.revision !== revision) {
      this.#held = [hello.revision];
      this.#downReason = this.#differing(revision);
      client.close();
      throw new Error(
        `the runner compiled policy revision ${hello.revision || 'none'}, this process ${revision}: their policy directories differ, or changed meanwhile`,
      );
    }
    if (this.#opened !== opened) throw new Error(this.#downReason);
    this.#held = [revision];
    this.#client = client;
    this.#options.logger.info(opened.identity, 'runner connected');
    this.#options.onServing?.(this.name);
  }

  #differing(wanted: string): string {
    return `it holds policy revision ${this.#held.at(-1) || 'none'}, this process ${wanted}`;
  }

  #lost(opened: OpenedRunner, client: RunnerClient, reason: string, livedMs: number): void {
    client.close();
    if (this.#opened !== opened) return;
    const wasServing = this.#client !== null;
    this.#opened = null;
    this.#client = null;
    if (wasServing) this.#downReason = reason;
    if (this.#isStopping) return;
    if (wasServing) this.#options.onLost(reason);
    this.#restartPause.ended(livedMs);
    const restartInMs = this.#openLater();
    this.#options.logger.warn({ ...opened.identity, reason, restartInMs }, 'runner lost');
  }

  /** In how many milliseconds; null when it will not be, or is to be already. */
  #openLater(): number | null {
    if (this.#isStopping || this.#restartTimer !== null) return null;
    const pauseMs = this.#restartPause.next();
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = null;
      void this.#tryToOpen();
    }, pauseMs);
    return pauseMs;
  }

  async #tryToOpen(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      this.#downReason = error instanceof Error ? error.message : String(error);
      // One that was opened reports its own end, and is opened again from there.
      if (this.#opened !== null) return;
      const { name } = this.#options.opener;
      this.#options.logger.warn({ runner: name, reason: this.#downReason }, 'runner cannot be opened');
      this.#openLater();
    }
  }
}
