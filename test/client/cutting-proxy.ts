/** Stands between a client and a server, and cuts lines: to see what a client makes of a connection that breaks. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What is let through of an answer before its line is cut. */
export type Cut = (answered: string) => boolean;

export class CuttingProxy implements AsyncDisposable {
  readonly url: string;
  /** The first lines of the requests that came. */
  readonly requests: readonly string[];
  readonly #server: Server;
  readonly #lines: Set<Socket>;

  private constructor(server: Server, requests: readonly string[], lines: Set<Socket>) {
    this.#server = server;
    this.#lines = lines;
    this.requests = requests;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** The nth line of the client is cut as the nth of `cuts` says; further ones are left alone. */
  static async start(target: string, cuts: readonly Cut[]): Promise<CuttingProxy> {
    const left = [...cuts];
    const requests: string[] = [];
    const lines = new Set<Socket>();
    const { port } = new URL(target);
    const server = createServer((client) => {
      const cut = left.shift() ?? (() => false);
      const upstream = connect(Number(port), '127.0.0.1');
      lines.add(client);
      client.on('data', (data) => {
        const request = /^[A-Z]+ \S+/.exec(data.toString());
        if (request !== null) requests.push(request[0]);
        upstream.write(data);
      });
      let answered = '';
      upstream.on('data', (data) => {
        answered += data.toString();
        if (cut(answered)) client.destroy();
        else client.write(data);
      });
      client.on('error', () => {}).on('close', () => upstream.destroy());
      upstream.on('error', () => {}).on('close', () => client.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttingProxy(server, requests, lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.#lines) line.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
