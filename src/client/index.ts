/**
 * The client of the HTTP API, for Node 22 and later, and wherever else `fetch` is. Without dependencies.
 *
 * @example
 * const sallyport = new Sallyport(); // SALLYPORT_URL, SALLYPORT_API_KEY
 * const { result } = await sallyport.run('js_run', { code: 'return 6 * 7' });
 */
import type { Artifact, Call } from '../model/call.ts';
import type { Decision as PolicyDecision } from '../model/decision.ts';
import type { Limits } from '../model/limits.ts';
import { Calls } from './calls.ts';
import type { CallEvent } from './calls.ts';
import { Files } from './files.ts';
import { CallRunner } from './runner.ts';
import type { RunOptions, Runner } from './runner.ts';
import { Sessions } from './sessions.ts';
import { segment, Transport } from './transport.ts';
import type { ClientOptions, RequestOptions } from './transport.ts';

export * from './errors.ts';
export type { CallEvent, CallFilter, Calls } from './calls.ts';
export type { Files, UploadedFile } from './files.ts';
export type { RunOptions } from './runner.ts';
export type { NewSession, Session, SessionFile, SessionFiles, Sessions } from './sessions.ts';
export type { ClientOptions, RequestOptions } from './transport.ts';
export type {
  Artifact,
  Call,
  CallError,
  CallOutput,
  CallStatus,
  DecisionSummary,
  RuntimeReport,
  Usage,
} from '../model/call.ts';
export type { NearestCall, QuotaDraw, RequiredApproval, TraceEntry } from '../model/decision.ts';
export type { BoundaryReport } from '../model/finding.ts';
export type { Limits } from '../model/limits.ts';
export { anthropicToolResults, openAiToolMessages, vercelTools } from './adapters.ts';

/** What policy would decide of a call, and why. */
export interface Decision extends Omit<PolicyDecision, 'trace'> {
  /** How each rule fared, for keys with the scope policy. */
  readonly trace?: PolicyDecision['trace'];
}

/** The forms of the list of tools: this server's own, or as a model API takes it. */
export interface ToolForms {
  readonly sallyport: {
    readonly name: string;
    readonly title: string;
    readonly description: string;
    readonly labels: readonly string[];
    readonly runtime: 'isolate' | 'container';
    readonly input: object;
    readonly output?: object;
    readonly limits: Limits;
    readonly digest: string;
  };
  /** Chat Completions API. */
  readonly openai: {
    type: 'function';
    function: { name: string; description: string; parameters: Record<string, unknown> };
  };
  /** Responses API. */
  readonly 'openai-responses': {
    type: 'function';
    name: string;
    description: string;
    parameters: Record<string, unknown>;
    strict: false;
  };
  readonly anthropic: {
    name: string;
    description: string;
    input_schema: { type: 'object'; [keyword: string]: unknown };
  };
  readonly mcp: {
    readonly name: string;
    readonly title: string;
    readonly description: string;
    readonly inputSchema: object;
    readonly outputSchema?: object;
    readonly annotations: { readonly readOnlyHint: boolean; readonly openWorldHint: boolean };
  };
  readonly typescript: { readonly name: string; readonly declaration: string };
}

export class Sallyport implements Runner {
  readonly calls: Calls;
  readonly sessions: Sessions;
  readonly files: Files;
  readonly #transport: Transport;
  readonly #runner: CallRunner;

  /** Throws `TypeError` for a URL that is none and where no key is to be had. */
  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(options);
    this.calls = new Calls(this.#transport);
    this.#runner = new CallRunner(this.#transport, this.calls);
    this.sessions = new Sessions(this.#transport, this.#runner);
    this.files = new Files(this.#transport);
  }

  /**
   * Runs a tool and waits for its end. Throws `CallFailed` unless it succeeded, `ApprovalPending` where a person decides
   * first, `PolicyDenied`, `ArgumentsRefused`, `LimitReached` and the other classes of `RequestRefused` where nothing
   * ran, `ConnectionFailed` where there was no answer.
   */
  run(tool: string, args: object, options?: RunOptions): Promise<Call> {
    return this.#runner.run(tool, args, options);
  }

  /** Answers once the tool runs, or waits for a person; `calls.wait` and `calls.follow` go on from there. */
  start(tool: string, args: object, options?: RunOptions): Promise<Call> {
    return this.#runner.start(tool, args, options);
  }

  /** The same as events: prints as they come, artifacts, at last the whole call. Resumes when the line breaks. */
  stream(tool: string, args: object, options?: RunOptions): AsyncGenerator<CallEvent, void, undefined> {
    return this.#runner.stream(tool, args, options);
  }

  /** The tools that you may see, by name, in the form that you ask for. */
  async tools<F extends keyof ToolForms = 'sallyport'>(
    format?: F,
    options: RequestOptions = {},
  ): Promise<ToolForms[F][]> {
    const { tools } = await this.#transport.json<{ tools: ToolForms[F][] }>({
      method: 'GET',
      path: '/v1/tools',
      query: { format },
      isRepeatable: true,
      ...options,
    });
    return tools;
  }

  /** What policy would say of a call, and why. Runs and consumes nothing. */
  decide(tool: string, args: object, options: RequestOptions = {}): Promise<Decision> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/decisions',
      json: { tool, args },
      isRepeatable: true,
      ...options,
    });
  }

  /** The bytes of an artifact of yours, as long as it is kept. */
  artifact(artifact: Pick<Artifact, 'id'>, options: RequestOptions = {}): Promise<Uint8Array> {
    const path = `/v1/artifacts/${segment(artifact.id)}`;
    return this.#transport.bytes({ method: 'GET', path, isRepeatable: true, ...options });
  }
}
