/** Listening and stopping of an HTTP server, with words for what goes wrong. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The port or address cannot be had; the message says what to do. */
export class ListenFailed extends Error {
  override readonly name = 'ListenFailed';
}

const listenHints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; choose another with SALLYPORT_PORT (0 picks a free one)',
  EACCES: 'this user may not listen there; ports below 1024 need a privilege',
  EADDRNOTAVAIL: 'this machine has no such address; see SALLYPORT_HOST',
  ENOTFOUND: 'the host name is not known; see SALLYPORT_HOST',
};

/** Resolves with the URL that the server really listens on. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = listenHints[error.code ?? ''] ?? error.message;
      reject(new ListenFailed(`Cannot listen on ${host}:${port}: ${hint}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

const idleCheckMs = 20;

/** Takes no new connection, lets those at work finish within the time, then closes what is left. */
export async function stopServing(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A kept-alive connection turns idle when its last answer has left, and nothing tells of it.
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  const end = setTimeout(() => server.closeAllConnections(), withinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(end);
}
