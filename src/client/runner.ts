/** Calls as they are begun: each under an idempotency key, so that sending one again runs it once. */
import type { Call } from '../model/call.ts';
import type { CallEvent, Calls } from './calls.ts';
import { isFinal } from './calls.ts';
import { ApprovalPending, CallFailed, RequestRefused, UnexpectedAnswer } from './errors.ts';
import type { RequestOptions, SentRequest, Transport } from './transport.ts';

export interface RunOptions extends RequestOptions {
  /** Runs in this session. */
  readonly session?: string;
  /** Narrower than policy gives, for this call alone. */
  readonly limits?: {
    readonly timeoutMs?: number;
    readonly outputBytes?: number;
    readonly logBytes?: number;
  };
  /** Free words to find it again. Not for secrets: they are on the record. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Runs at most once under this key, for 24 hours. Default: a random one for each call. */
  readonly idempotencyKey?: string;
}

export interface Runner {
  run(tool: string, args: object, options?: RunOptions): Promise<Call>;
  stream(tool: string, args: object, options?: RunOptions): AsyncGenerator<CallEvent, void, undefined>;
}

export class CallRunner implements Runner {
  readonly #transport: Transport;
  readonly #calls: Calls;

  constructor(transport: Transport, calls: Calls) {
    this.#transport = transport;
    this.#calls = calls;
  }

  /** Throws `CallFailed` unless it succeeded, `ApprovalPending` where a person decides first. */
  async run(tool: string, args: object, options: RunOptions = {}): Promise<Call> {
    const call = await this.#begin(creation(tool, args, options));
    if (call.status === 'pending_approval') throw new ApprovalPending(call);
    // Begun before, under the same key.
    if (!isFinal(call)) return this.#calls.wait(call.id, options);
    if (call.status !== 'succeeded') throw new CallFailed(call);
    return call;
  }

  /** Answers once it runs, or waits for a person. */
  start(tool: string, args: object, options: RunOptions = {}): Promise<Call> {
    const request = creation(tool, args, options);
    return this.#begin({ ...request, headers: { ...request.headers, Prefer: 'respond-async' } });
  }

  async #begin(request: SentRequest): Promise<Call> {
    try {
      return await this.#transport.json<Call>(request);
    } catch (error) {
      const callId = callUnderWay(error);
      if (callId === null) throw error;
      return this.#calls.get(callId, { signal: request.signal });
    }
  }

  /** The events of a call that begins now. Its end is the last of them, however it ended. */
  async *stream(
    tool: string,
    args: object,
    options: RunOptions = {},
  ): AsyncGenerator<CallEvent, void, undefined> {
    const request = creation(tool, args, options);
    const headers = { ...request.headers, Accept: 'text/event-stream' };
    let response: Response;
    try {
      response = await this.#transport.open({ ...request, headers });
    } catch (error) {
      const callId = callUnderWay(error);
      if (callId === null) throw error;
      return yield* this.#calls.follow(callId, { signal: options.signal });
    }
    const id = /^\/v1\/calls\/([\w-]+)$/.exec(response.headers.get('location') ?? '')?.[1];
    if (id === undefined) throw new UnexpectedAnswer(response.status, 'the answer does not name its call');
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    // It has begun, and there was no room for a stream.
    if (!isStream) await response.body?.cancel();
    yield* this.#calls.followFrom(id, isStream ? response : null, { signal: options.signal });
  }
}

/** The first request with this key still runs: sent again after a line that broke, or by somebody else. */
function callUnderWay(error: unknown): string | null {
  if (!(error instanceof RequestRefused) || error.code !== 'idempotency_in_flight') return null;
  return error.problem.callId ?? null;
}

function creation(
  tool: string,
  args: object,
  { session, limits, labels, idempotencyKey, signal }: RunOptions,
): SentRequest {
  return {
    method: 'POST',
    path: '/v1/calls',
    json: { tool, args, session, limits, labels },
    headers: { 'Idempotency-Key': idempotencyKey ?? crypto.randomUUID() },
    isRepeatable: true,
    signal,
  };
}
