/** Files that a tool wrote, as MCP clients get them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildImages } from '../support/container-calls.ts';
import { connectMcp, eras } from '../support/mcp.ts';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let server: TestServer;
let ana = '';
let ben = '';
beforeAll(async () => {
  await buildImages('python');
  server = await startServer();
  ana = await server.keyFor('ana', ['developer'], ['call']);
  ben = await server.keyFor('ben', ['developer'], ['call', 'audit']);
}, 600_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test.each(eras)(
  '%s: they are links, whose bytes their owner alone can read, and every reading is on the record',
  async (era) => {
    await using client = await connectMcp(server, ana, era);
    const code =
      "import os\nos.makedirs('/work/out', exist_ok=True)\nopen('/work/out/note.txt', 'w').write('seven')\n1";
    const result = await client.callTool({ name: 'python_run', arguments: { code } });
    expect(result.content).toMatchObject([
      { type: 'text', text: expect.stringMatching(/<<UNTRUSTED [^]*note\.txt[^]*<<END UNTRUSTED/) },
      { type: 'resource_link', uri: expect.stringMatching(/^sallyport:\/\/artifacts\/art_/), size: 5 },
    ]);
    const { name, uri } = (result.content as { name: string; uri: string }[])[1] ?? { name: '', uri: '' };
    const { contents } = await client.readResource({ uri });
    expect(contents).toEqual([
      { uri, mimeType: 'text/plain', blob: Buffer.from('seven').toString('base64') },
    ]);
    const read = await server.request('GET', '/v1/audit/events?type=artifact_read&limit=1');
    expect(read.body.items).toMatchObject([{ principal: 'ana', details: { artifactId: name } }]);

    await using other = await connectMcp(server, ben, era);
    const missing = `sallyport://artifacts/art_01ARZ3NDEKTSV4RRFFQ69G5FAV`;
    for (const absent of [uri, missing, `${uri}/../x`, 'file:///etc/passwd'])
      await expect(other.readResource({ uri: absent })).rejects.toThrow(/not found/i);
  },
);
