/** The way to the engine of DOCKER_HOST, which can be cut, and on which answers can be held up. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import path from 'node:path';
import { Transform } from 'node:stream';
import { dockerHost } from './container-calls.ts';

/** An answer that the engine has given and nobody has got. */
export interface HeldAnswer {
  readonly given: Promise<void>;
  letGo(): void;
}

export class EngineWay implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #onAnswer: () => void = () => {};
  #passes: Promise<void> = Promise.resolve();

  private constructor(address: string, server: Server) {
    this.address = address;
    this.#server = server;
  }

  /** Its socket is in `folder`. */
  static async open(folder: string): Promise<EngineWay> {
    const socketPath = path.join(folder, `${randomUUID().slice(0, 8)}.sock`);
    const server = createServer({ allowHalfOpen: true });
    const way = new EngineWay(`unix://${socketPath}`, server);
    server.on('connection', (near) => way.#join(near));
    server.listen(socketPath);
    await once(server, 'listening');
    return way;
  }

  /** From now on. */
  holdAnswers(): HeldAnswer {
    const given = Promise.withResolvers<void>();
    const passes = Promise.withResolvers<void>();
    this.#onAnswer = given.resolve;
    this.#passes = passes.promise;
    return { given: given.promise, letGo: passes.resolve };
  }

  cut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
  }

  #join(near: Socket): void {
    const far = connect({
      path: new URL(dockerHost ?? 'unix:///var/run/docker.sock').pathname,
      allowHalfOpen: true,
    });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
    }
    const gate = new Transform({
      transform: (chunk, _encoding, done) => {
        const pass = async (): Promise<void> => {
          await this.#passes;
          done(null, chunk);
        };
        this.#onAnswer();
        void pass();
      },
    });
    near.pipe(far).pipe(gate).pipe(near);
  }
}
