/**
 * One tenant that floods with everything it has: each connection sends its next request the moment it has the answer to
 * the one before, whatever that was. Bytes are made once, so that the flood costs the flooder little.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Tally } from './plan.ts';
import type { FloodPlan, Report } from './plan.ts';

/** What connections do, and how many of twenty-six do it. */
const shares = {
  strangers: 6,
  bodies: 5,
  isolates: 5,
  containers: 2,
  calls: 4,
  decisions: 2,
  refused: 1,
  streams: 1,
} as const;
type Behaviour = keyof typeof shares;

const bodyChars = 1_000_000;
const loop = 'for (;;);';
/** Then they are killed, which costs the server a process or a container each. */
const longMs = 2000;

/** Goes on until `stop` resolves. */
export async function flood(plan: FloodPlan, stop: Promise<void>): Promise<Report> {
  const tally = new Tally();
  const behaviours = Object.entries(shares).flatMap(([name, count]) =>
    Array<Behaviour>(count).fill(name as Behaviour),
  );
  const requests = requestsOf(plan);
  const ends = Array.from({ length: plan.connections }, (_, at) => {
    const behaviour = behaviours[(at * 7) % behaviours.length] ?? 'calls';
    return keepSending(plan, requests[behaviour], `${plan.tenant.name}, ${behaviour}`, tally);
  });
  await stop;
  for (const end of ends) end();
  return tally.report();
}

type NextRequest = () => Buffer;

function requestsOf({ tenant, url }: FloodPlan): Readonly<Record<Behaviour, NextRequest>> {
  const host = new URL(url).host;
  const post = (path: string, body: object, headers: readonly string[] = [], key = tenant.key): Buffer => {
    const text = JSON.stringify(body);
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      `Authorization: Bearer ${key}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...headers,
    ];
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`);
  };
  const always =
    (bytes: Buffer): NextRequest =>
    () =>
      bytes;
  const call = (tool: string, args: object, more: object = {}, headers: readonly string[] = []): Buffer =>
    post('/v1/calls', { tool, args, ...more }, headers);
  const long = { limits: { timeoutMs: longMs } };
  const stranger = (): Buffer => {
    const key = `spk_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('base64url')}`;
    return post('/v1/calls', { tool: 'js_run', args: { code: 'return 1' } }, [], key);
  };
  const members = Array.from({ length: 50_000 }, (_, at) => at);
  return {
    strangers: stranger,
    bodies: always(call('js_run', { code: 'return 1', input: 'a b '.repeat(bodyChars / 4) })),
    isolates: always(call('js_run', { code: loop }, long)),
    containers: always(call('shell_run', { script: 'while :; do :; done' }, long)),
    calls: always(call('js_run', { code: 'return 1' })),
    decisions: always(post('/v1/decisions', { tool: 'js_run', args: { code: 'return 1', input: members } })),
    refused: always(call('forbidden', { amount: 99 })),
    streams: always(call('js_run', { code: loop }, long, ['Accept: text/event-stream'])),
  };
}

/** Returns what ends it. */
function keepSending(plan: FloodPlan, next: NextRequest, name: string, tally: Tally): () => void {
  const { hostname, port } = new URL(plan.url);
  let isOver = false;
  let socket: Socket;
  const open = (): void => {
    socket = connect(Number(port), hostname);
    const answers = new AnswerReader((status) => {
      tally.count(name, status);
      if (!isOver) socket.write(next());
    });
    socket.on('data', (chunk: Buffer) => answers.take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (isOver) return;
      tally.count(name, 'lost');
      setImmediate(open);
    });
    socket.write(next());
  };
  open();
  return () => {
    isOver = true;
    socket.destroy();
  };
}

/** Tells of each whole answer. One without a length, a stream, is over with its connection. */
class AnswerReader {
  readonly #onAnswer: (status: string) => void;
  #head = '';
  #status = '';
  #leftBytes = 0;

  constructor(onAnswer: (status: string) => void) {
    this.#onAnswer = onAnswer;
  }

  take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#leftBytes > 0) {
        const taken = Math.min(this.#leftBytes, rest.length);
        this.#leftBytes -= taken;
        rest = rest.subarray(taken);
        if (this.#leftBytes === 0) this.#onAnswer(this.#status);
        continue;
      }
      const before = this.#head.length;
      this.#head += rest.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      rest = rest.subarray(end + 4 - before);
      this.#status = this.#head.slice(9, 12);
      const length = /\r\ncontent-length: (\d+)/i.exec(this.#head.slice(0, end))?.[1];
      this.#head = '';
      this.#leftBytes = length === undefined ? Infinity : Number(length);
      if (this.#leftBytes === 0) this.#onAnswer(this.#status);
    }
  }
}
