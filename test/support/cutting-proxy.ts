/** Stands between a client and a server, and cuts the connection at a given piece of what the client sends. */
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

export interface Cut {
  /** From 1: of what is sent from now on. */
  readonly piece: number;
  /** Whether the server still gets that piece. */
  readonly isForwarded: boolean;
}

export class CuttingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut: Cut | null = null;
  #seen = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, createConnection(targetPort, '127.0.0.1')));
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Arms it once. */
  arm(cut: Cut): void {
    this.#cut = cut;
    this.#seen = 0;
  }

  /** Whether it has cut since it was armed; it does not any more. */
  disarm(): boolean {
    const hasCut = this.#cut === null;
    this.#cut = null;
    return hasCut;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #join(client: Socket, server: Socket): void {
    let isCut = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#sockets.delete(socket);
        if (!isCut) for (const other of [client, server]) other.destroy();
      });
    }
    client.on('data', (data) => {
      this.#seen += 1;
      if (this.#cut?.piece !== this.#seen) return void server.write(data);
      const { isForwarded } = this.#cut;
      this.#cut = null;
      isCut = true;
      client.destroy();
      // The server works on what it got, and tells nobody.
      if (isForwarded) server.end(data);
      else server.destroy();
    });
    server.on('data', (data) => {
      if (!client.destroyed) client.write(data);
    });
  }
}
