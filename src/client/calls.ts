/** Calls that exist: looked at, waited for, followed, cancelled. */
import { isOpen } from '../model/call.ts';
import type { Artifact, Call, CallStatus } from '../model/call.ts';
import { CallFailed, ConnectionFailed, UnexpectedAnswer } from './errors.ts';
import { readServerSentEvents } from './server-sent-events.ts';
import type { RequestOptions, Transport } from './transport.ts';
import { segment, wait } from './transport.ts';

/** A call as it goes on. Text of prints comes as the filter lets it out, in order, each piece once. */
export type CallEvent =
  | {
      readonly type: 'started';
      readonly data: Pick<Call, 'id' | 'tool' | 'status' | 'limits' | 'startedAt'>;
    }
  | { readonly type: 'stdout' | 'stderr'; readonly data: { readonly text: string } }
  | { readonly type: 'artifact'; readonly data: Artifact }
  /** The last one. */
  | { readonly type: 'finished'; readonly data: Call };

/** How often a stream that breaks off without telling anything new is opened again. */
const reopeningsMax = 5;
const reopeningPauseMs = 300;

const eventTypes: ReadonlySet<string> = new Set(['started', 'stdout', 'stderr', 'artifact', 'finished']);

/** All that is given must fit. Times are RFC 3339. */
export interface CallFilter {
  readonly status?: CallStatus;
  readonly tool?: string;
  /** Others than your own need the scope `audit` or `admin`. */
  readonly principal?: string;
  /** Another than your own needs the scope `admin`. */
  readonly tenant?: string;
  readonly session?: string;
  /** `name=value`. */
  readonly label?: string;
  /** Created then or later. */
  readonly from?: string;
  /** Created before. */
  readonly to?: string;
}

export class Calls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** As it stands now. */
  get(id: string, options: RequestOptions = {}): Promise<Call> {
    return this.#transport.json({ method: 'GET', path: pathOf(id), isRepeatable: true, ...options });
  }

  /** Yours, with the scope `audit` the tenant's, with `admin` all: newest first, page after page as they are taken. */
  list(filter: CallFilter = {}, options: RequestOptions = {}): AsyncGenerator<Call, void, undefined> {
    return this.#transport.pages<Call>('/v1/calls', { ...filter, limit: '100' }, options);
  }

  /** The call as text for a model: what came out of the sandbox is marked as untrusted data. */
  async modelText(id: string, options: RequestOptions = {}): Promise<string> {
    const { modelText } = await this.#transport.json<{ readonly modelText: string }>({
      method: 'GET',
      path: pathOf(id),
      query: { view: 'model' },
      isRepeatable: true,
      ...options,
    });
    return modelText;
  }

  /** Its sandbox is killed. Answers with the call, which may have ended before. */
  cancel(id: string, options: RequestOptions = {}): Promise<Call> {
    return this.#transport.json({ method: 'DELETE', path: pathOf(id), isRepeatable: true, ...options });
  }

  /** Waits for its end, also through an approval. Throws `CallFailed` unless it succeeded. */
  async wait(id: string, options: RequestOptions = {}): Promise<Call> {
    for await (const event of this.follow(id, options)) {
      if (event.type !== 'finished') continue;
      if (event.data.status !== 'succeeded') throw new CallFailed(event.data);
      return event.data;
    }
    throw new ConnectionFailed(`the events of ${id} ended before the call`);
  }

  /** From its beginning to its end, also when the connection or the server breaks off meanwhile. */
  follow(id: string, options: RequestOptions = {}): AsyncGenerator<CallEvent, void, undefined> {
    return this.followFrom(id, null, options);
  }

  /** @internal `opened`: an answer whose events are those of the call, from its beginning. */
  async *followFrom(
    id: string,
    opened: Response | null,
    options: RequestOptions = {},
  ): AsyncGenerator<CallEvent, void, undefined> {
    let response = opened;
    let lastId = '';
    for (let reopenings = 0; reopenings <= reopeningsMax; reopenings++) {
      response ??= await this.#transport.open({
        method: 'GET',
        path: `${pathOf(id)}/events`,
        headers: { Accept: 'text/event-stream', ...(lastId === '' ? {} : { 'Last-Event-ID': lastId }) },
        isRepeatable: true,
        ...options,
      });
      const { body, status } = response;
      if (body === null) throw new UnexpectedAnswer(status, 'the events of a call have no body');
      try {
        for await (const { id: eventId, type, data } of readServerSentEvents(body)) {
          if (!eventTypes.has(type)) continue;
          const event = { type, data: JSON.parse(data) as unknown } as CallEvent;
          lastId = eventId;
          reopenings = 0;
          yield event;
          if (event.type === 'finished') return;
        }
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof SyntaxError)
          throw new UnexpectedAnswer(status, 'an event of a call is not JSON');
      }
      response = null;
      await wait(reopeningPauseMs * 2 ** reopenings, options.signal);
    }
    throw new ConnectionFailed(`the events of ${id} broke off ${reopeningsMax} times in a row`);
  }
}

export function isFinal(call: Call): boolean {
  return !isOpen(call);
}

function pathOf(id: string): string {
  return `/v1/calls/${segment(id)}`;
}
