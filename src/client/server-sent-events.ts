/** Server-sent events out of a body (HTML standard, 9.2.6), as far as this server sends them. */

export interface ServerSentEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** Ends with the body; an event that it breaks off in is dropped. Rejects when the line breaks. */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      // Only what is new can hold the end of an event; its first line break may be the last character of the rest.
      const from = Math.max(0, rest.length - 1);
      rest += read.value;
      let start = 0;
      for (let end = rest.indexOf('\n\n', from); end !== -1; end = rest.indexOf('\n\n', start)) {
        const event = parseEvent(rest.slice(start, end));
        start = end + 2;
        if (event !== null) yield event;
      }
      rest = rest.slice(start);
    }
  } finally {
    // Whoever stops in the middle closes the connection.
    await reader.cancel().catch(() => {});
  }
}

/** Null for a comment. */
function parseEvent(block: string): ServerSentEvent | null {
  const fields: Record<string, string> = {};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
  }
  const { id = '', event = 'message', data } = fields;
  return data === undefined ? null : { id, type: event, data };
}
