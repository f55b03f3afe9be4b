/** Listening and stopping of an HTTP server, with words for what goes wrong. */
import type { Server } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';

/** The port or address cannot be had; the message says what to do. */
export class ListenFailed extends Error {
  override readonly name = 'ListenFailed';
}

const listenHints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; choose another (0 picks a free one) with',
  EACCES: 'this user may not listen there, ports below 1024 need a privilege; see',
  EADDRNOTAVAIL: 'this machine has no such address; see',
  ENOTFOUND: 'the host name is not known; see',
};

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The variable that says so. */
  readonly setting: string;
}

/** Resolves with the URL that the server really listens on. */
export async function listen(server: NetServer, { host, port, setting }: ListenAddress): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = listenHints[error.code ?? ''] ?? `${error.message}; see`;
      reject(new ListenFailed(`Cannot listen on ${host}:${port}: ${hint} ${setting}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

const idleCheckMs = 20;

/** Closes connections as they turn idle, which nothing tells of. */
export function closeIdle(server: Server): Disposable {
  // After a look at what has come in: a request that waits to be read is none of an idle connection.
  const timer = setInterval(() => setImmediate(() => server.closeIdleConnections()), idleCheckMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Takes no new connection, lets those at work finish within the time, then closes what is left. */
export async function stopServing(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  using _idle = closeIdle(server);
  const end = setTimeout(() => server.closeAllConnections(), withinMs);
  await closed;
  clearTimeout(end);
}
