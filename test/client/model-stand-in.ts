/** A model over HTTP that answers what it is given to answer, one after the other, and keeps what it was asked. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ModelStandIn extends AsyncDisposable {
  readonly url: string;
  /** Bodies of the requests, in order. */
  // eslint-disable-next-line typescript/no-explicit-any -- asserted on, field by field
  readonly asked: readonly any[];
}

export async function startModel(answers: readonly object[]): Promise<ModelStandIn> {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    const reply = (body: string): void => {
      const answer = answers[asked.length];
      asked.push(JSON.parse(body));
      response.writeHead(answer === undefined ? 500 : 200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer ?? { error: { message: 'asked too often' } }));
    };
    void text(request).then(reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
