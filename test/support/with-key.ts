/** A way to the server that adds a key to each request: for clients that cannot be told to send one. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestServer } from './server.ts';

export interface WithKey extends AsyncDisposable {
  readonly url: string;
}

export async function withKey(server: TestServer, key: string): Promise<WithKey> {
  const { hostname, port } = new URL(server.url);
  const proxy = createServer((incoming, outgoing) => {
    const { headers, method, url } = incoming;
    const options = {
      hostname,
      port,
      method,
      path: url,
      headers: { ...headers, authorization: `Bearer ${key}` },
    };
    const forwarded = request(options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
