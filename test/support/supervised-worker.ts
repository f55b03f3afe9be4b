/** A worker of a supervisor that answers `/` with its number, as slowly as `?ms=` says. Ends as a server's worker does. */
import { createServer } from 'node:http';
import { Registry } from 'prom-client';
import { WorkerLink } from '../../src/supervisor/worker-link.ts';

const drainMsMax = 10_000;

await using link = new WorkerLink({
  process,
  index: Number(process.argv[2]),
  url: process.argv[3] ?? '',
  isShared: true,
});
let isDraining = false;
const server = createServer((request, response) => {
  if (isDraining) response.setHeader('Connection', 'close');
  const ms = Number(new URL(request.url ?? '/', 'http://here').searchParams.get('ms'));
  setTimeout(() => response.end(`${link.index} ${process.pid}`), ms);
});
server.maxConnections = 2048;
link.publish(new Registry());
await link.open(server);
await link.stopped;
isDraining = true;
await link.close(server, drainMsMax);
