/** A client that is slow in every way: a header a second, a byte of a body a second, a byte of an answer a second, streams it never reads. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Tally } from './plan.ts';
import type { Report, SlowPlan } from './plan.ts';

const ways = ['headers', 'body', 'reading', 'stream'] as const;

/** Goes on until `stop` resolves. */
export async function beSlow(plan: SlowPlan, stop: Promise<void>): Promise<Report> {
  const tally = new Tally();
  const lines = Array.from(
    { length: plan.connections },
    (_, at) => new SlowLine(plan, ways[at % ways.length] ?? 'body', tally),
  );
  const timer = setInterval(() => {
    for (const line of lines) line.tick();
  }, 1000);
  await stop;
  clearInterval(timer);
  for (const line of lines) line.end();
  return tally.report();
}

class SlowLine {
  readonly #plan: SlowPlan;
  readonly #way: (typeof ways)[number];
  readonly #tally: Tally;
  #socket: Socket;

  constructor(plan: SlowPlan, way: (typeof ways)[number], tally: Tally) {
    this.#plan = plan;
    this.#way = way;
    this.#tally = tally;
    this.#socket = this.#open();
  }

  /** A second has passed. */
  tick(): void {
    if (this.#way === 'headers') this.#socket.write('X-Slow: yes\r\n');
    if (this.#way === 'body') this.#socket.write(' ');
    if (this.#way === 'reading') this.#socket.read(1);
  }

  end(): void {
    this.#socket.removeAllListeners('close').destroy();
  }

  #open(): Socket {
    const { hostname, port } = new URL(this.#plan.url);
    const socket = connect(Number(port), hostname);
    const name = `${this.#plan.tenant.name}, ${this.#way}`;
    this.#tally.count(name, 'opened');
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#tally.count(name, 'closed by the server');
      this.#socket = this.#open();
    });
    // Nothing is read but as `tick` says; without any reading the end of the connection would never be seen.
    if (this.#way === 'headers' || this.#way === 'body') socket.resume();
    socket.write(this.#beginning());
    return socket;
  }

  #beginning(): string {
    const { tenant, url } = this.#plan;
    const head = `Host: ${new URL(url).host}\r\nAuthorization: Bearer ${tenant.key}\r\n`;
    switch (this.#way) {
      case 'headers':
        return `GET /v1/tools HTTP/1.1\r\n${head}`;
      case 'body':
        return `POST /v1/calls HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
      case 'reading':
        return `GET /openapi.json HTTP/1.1\r\n${head}\r\n`.repeat(20);
      case 'stream': {
        const body = JSON.stringify({ tool: 'js_run', args: { code: 'return "x".repeat(1000000)' } });
        return `POST /v1/calls HTTP/1.1\r\n${head}Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`.repeat(
          4,
        );
      }
    }
  }
}
