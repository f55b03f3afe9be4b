/** Server-sent events as a client reads them. */
import { EventSourceParserStream } from 'eventsource-parser/stream';

export interface SentEvent {
  readonly id: string;
  readonly type: string;
  // eslint-disable-next-line typescript/no-explicit-any -- events are asserted on, field by field
  readonly data: any;
}

/** To the end of the answer. Leaving the loop hangs up. */
export async function* readEvents(response: Response): AsyncGenerator<SentEvent, void> {
  if (response.body === null) throw new Error('the answer has no body');
  const events = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { id = '', event = '', data } of events) yield { id, type: event, data: JSON.parse(data) };
}

/** All of them. */
export async function allEvents(response: Response): Promise<SentEvent[]> {
  return Array.fromAsync(readEvents(response));
}
