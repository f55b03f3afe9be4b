/**
 * The peer of B1 and B2: express and a fresh isolated-vm isolate for each request, and nothing else. No key, no
 * policy, no record, no filter, no limit beyond isolated-vm's own.
 */
import type { AddressInfo } from 'node:net';
import express from 'express';
import ivm from 'isolated-vm';

const code = process.env['BENCH_CODE'] ?? 'return 1';
const app = express();
app.use(express.json());
app.post('/run', async (request, response) => {
  const isolate = new ivm.Isolate({ memoryLimit: 128 });
  try {
    const context = await isolate.createContext();
    const input = JSON.stringify((request.body as { input: unknown }).input);
    const source = `JSON.stringify(((input) => { ${code} })(JSON.parse(${JSON.stringify(input)})))`;
    const result: unknown = await context.eval(source, { timeout: 5000 });
    response.json({ result: JSON.parse(String(result)) as unknown });
  } finally {
    isolate.dispose();
  }
});
const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`,
  );
});
