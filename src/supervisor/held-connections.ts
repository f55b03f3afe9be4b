/** Connections that came while no worker serves: they wait for the next one, so many and so long, else are told to come again. */
import type { Socket } from 'node:net';

const heldMax = 1024;
const heldMsMax = 30_000;
/** How long a client that is turned away may take to read why. */
const farewellMsMax = 1000;

const farewell = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: application/problem+json; charset=utf-8',
  'Retry-After: 1',
  'Connection: close',
];
const body = JSON.stringify({
  type: 'urn:sallyport:problem:overloaded',
  title: 'There is no room for this call now',
  status: 503,
  detail: 'The server is starting anew. Nothing was run; try again shortly.',
  code: 'overloaded',
  retryable: true,
});

export class HeldConnections {
  readonly #held = new Map<Socket, NodeJS.Timeout>();

  get count(): number {
    return this.#held.size;
  }

  hold(socket: Socket): void {
    if (this.#held.size >= heldMax) return turnAway(socket);
    const timer = setTimeout(() => {
      this.#held.delete(socket);
      turnAway(socket);
    }, heldMsMax);
    this.#held.set(socket, timer);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#held.delete(socket);
    });
  }

  /** Hands all of them over, in the order in which they came. */
  release(give: (socket: Socket) => void): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const [socket, timer] of held) {
      clearTimeout(timer);
      give(socket);
    }
  }
}

export function turnAway(socket: Socket): void {
  socket.setTimeout(farewellMsMax, () => socket.destroy());
  socket.resume();
  socket.end([...farewell, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
