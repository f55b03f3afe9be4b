/** A connection that asks without waiting for answers is worked off in one go, whoever else waits: so many at once, no more. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Closes the connection of a client that has more unanswered requests on it. */
export function limitPipelining(
  unansweredMax: number,
  listener: RequestListener,
  onRefused: () => void,
): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  return (request: IncomingMessage, response: ServerResponse & { req: IncomingMessage }) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > unansweredMax) {
      onRefused();
      socket.destroy();
      return;
    }
    unanswered.set(socket, count);
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    listener(request, response);
  };
}
