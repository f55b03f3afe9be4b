/**
 * MCP over standard streams, for clients that start their servers: each line goes to `/mcp` of a server, each message of
 * its answer comes back as a line. It knows no tools and decides nothing; the server treats it like any other client.
 */
import type { Readable, Writable } from 'node:stream';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/server';
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/server';
import { readServerSentEvents } from '../../client/server-sent-events.ts';
import { describeMessage, errorMessage, parseMessage } from './messages.ts';
import type { MessageHeaders } from './messages.ts';

/** The server's own default; more than that it would refuse anyway. */
const lineBytesMax = 16 * 1024 * 1024;
const requestsMax = 256;

export interface StdioBridgeOptions {
  readonly url: URL;
  readonly key: string;
  readonly input: Readable;
  readonly output: Writable;
}

/** JSON-RPC 2.0, 5: an id that cannot be told is null, which the types of messages do not know. */
const invalidRequest = `${JSON.stringify({
  jsonrpc: '2.0',
  id: null,
  error: { code: -32600, message: 'This line is no JSON-RPC message; batches are not taken either.' },
})}\n`;

interface OpenRequest {
  readonly end: AbortController;
  readonly isModern: boolean;
  /** A stream that has no end of its own. */
  readonly isListening: boolean;
}

export class StdioBridge {
  readonly #options: StdioBridgeOptions;
  readonly #open = new Map<RequestId, OpenRequest>();
  /** Of a client of 2025-11-25, as its `initialize` was answered. */
  #session: Readonly<Record<string, string>> = {};

  constructor(options: StdioBridgeOptions) {
    this.#options = options;
  }

  /** Until the input has ended and everything was answered; who only listens is then not waited for. Rejects for input that is no MCP. */
  async run(): Promise<void> {
    const { input, output } = this.#options;
    const lines = new ReadBuffer({ maxBufferSize: lineBytesMax });
    const sending = new Set<Promise<void>>();
    // A client that reads no more cannot be served: whatever runs for it is taken back.
    output.on('error', () => input.destroy());
    for await (const chunk of input as AsyncIterable<Buffer>) {
      lines.append(chunk);
      for (let message = this.#next(lines); message !== null; message = this.#next(lines)) {
        const sent = this.#take(message).finally(() => sending.delete(sent));
        sending.add(sent);
        // The next message of a session belongs after what opens it.
        if ('method' in message && message.method === 'initialize') await sent;
      }
    }
    for (const { end, isListening } of this.#open.values()) if (isListening) end.abort();
    await Promise.all(sending);
  }

  /** Lines that are JSON and no message are answered as such. */
  #next(lines: ReadBuffer): JSONRPCMessage | null {
    for (;;) {
      try {
        return lines.readMessage();
      } catch {
        this.#options.output.write(invalidRequest);
      }
    }
  }

  async #take(message: JSONRPCMessage): Promise<void> {
    // There are no requests of the server that a client could answer.
    if (!('method' in message)) return;
    const { headers, isModern } = describeMessage(message);
    if (!('id' in message)) {
      const cancelled =
        message.method === 'notifications/cancelled' ? message.params?.['requestId'] : undefined;
      const open = this.#open.get(cancelled as RequestId);
      if (open?.isModern === true) return open.end.abort();
      await this.#notify(message, headers);
      return open?.end.abort();
    }
    const { id } = message;
    if (this.#open.size >= requestsMax || this.#open.has(id))
      return this.#write(errorMessage(id, 'Too many requests are open, or one has this id already.'));
    const end = new AbortController();
    this.#open.set(id, { end, isModern, isListening: message.method === 'subscriptions/listen' });
    try {
      await this.#request(message, headers, end.signal);
    } catch (error) {
      // Whoever cancelled it waits for nothing any more.
      if (!end.signal.aborted) this.#write(errorMessage(id, reasonOf(error)));
    } finally {
      this.#open.delete(id);
    }
  }

  async #notify(message: JSONRPCMessage, headers: MessageHeaders): Promise<void> {
    try {
      await (await this.#post(message, headers, null)).body?.cancel();
    } catch {
      // A notification has no answer, so nobody could be told.
    }
  }

  async #request(message: JSONRPCRequest, headers: MessageHeaders, signal: AbortSignal): Promise<void> {
    const response = await this.#post(message, headers, signal);
    const isInitialize = message.method === 'initialize';
    if (isInitialize) this.#session = {};
    const session = response.headers.get('mcp-session-id');
    for await (const text of messagesOf(response)) {
      const answer = parseMessage(text, message.id, response.status);
      const version = 'result' in answer ? answer.result['protocolVersion'] : undefined;
      if (isInitialize && session !== null && typeof version === 'string')
        this.#session = { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': version };
      this.#write(answer);
    }
  }

  #post(message: JSONRPCMessage, headers: MessageHeaders, signal: AbortSignal | null): Promise<Response> {
    const { key, url } = this.#options;
    return fetch(url, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        ...this.#session,
        ...headers,
      },
      body: JSON.stringify(message),
      signal,
    });
  }

  #write(message: JSONRPCMessage): void {
    this.#options.output.write(serializeMessage(message));
  }
}

async function* messagesOf(response: Response): AsyncGenerator<string> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (!isStream || response.body === null) return yield await response.text();
  for await (const { data } of readServerSentEvents(response.body)) if (data !== '') yield data;
}

function reasonOf(error: unknown): string {
  const isNetwork = error instanceof TypeError && error.cause !== undefined;
  if (isNetwork) return 'No server answers. Start one with "sallyport serve", or say where with --url.';
  return error instanceof Error ? error.message : String(error);
}
