/** The runner's own door, when it is a service: a Unix socket or TLS with certificates on both sides. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { showAddress } from './runner-address.ts';
import type { RunnerAddress } from './runner-address.ts';
import type { TlsIdentity } from '../../model/tls-identity.ts';

/** Api processes that may be connected at once. */
const connectionsMax = 64;
/** For the api's group; nobody else may connect. */
const socketMode = 0o660;

export interface RunnerDoor {
  readonly address: RunnerAddress;
  /** Needed for TLS. */
  readonly tls: TlsIdentity | null;
  readonly onConnection: (stream: Socket) => void;
  /** A connection that was turned away. */
  readonly onRefused: (reason: string) => void;
}

/** Resolves once it listens. Rejects when the address is taken or the certificates cannot be used. */
export async function listenForApis(door: RunnerDoor): Promise<AsyncDisposable> {
  const { address } = door;
  const server = createDoor(door);
  server.maxConnections = connectionsMax;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen on ${showAddress(address)}: ${error.message}`, { cause: error })),
    );
    if (address.kind === 'unix') server.listen({ path: address.path }, resolve);
    else server.listen({ host: address.host, port: address.port }, resolve);
  });
  if (address.kind === 'unix') chmodSync(address.path, socketMode);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function createDoor({ address, tls, onConnection, onRefused }: RunnerDoor): Server {
  if (address.kind === 'unix') return createServer(onConnection);
  if (tls === null) throw new Error(`${showAddress(address)} needs a certificate, a key and a CA`);
  const { cert, key, ca } = tls;
  const server = createTlsServer(
    {
      cert,
      key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: 5000,
    },
    onConnection,
  );
  server.on('tlsClientError', (error) => onRefused(error.message));
  return server;
}

/** The socket of a runner that was killed stays behind; one that still answers is somebody else's. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`cannot listen on ${path}: it is there and is no socket`);
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
  if (isAlive) throw new Error(`cannot listen on ${path}: another runner does`);
  unlinkSync(path);
}
