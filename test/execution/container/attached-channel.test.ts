import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';

import { AttachedChannel } from '../../../src/execution/container/attached-channel.ts';

/** `stream u8 · 000 · length u32 · payload` */
function engineFrame(stream: 1 | 2, payload: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** All that waits to be read. */
function textIn(channel: AttachedChannel): string {
  const piece: Buffer | null = channel.read();
  return piece === null ? '' : piece.toString() + textIn(channel);
}

test('stdout is what is read, stderr goes its own way', async () => {
  const channel = new AttachedChannel();
  const [stream, engine] = duplexPair();
  let words = '';
  engine.end(Buffer.concat([engineFrame(1, 'frames'), engineFrame(2, 'words'), engineFrame(1, ' on')]));
  const fault = await channel.carry(stream, (bytes) => (words += Buffer.from(bytes).toString()));
  expect({ fault, words }).toEqual({ fault: null, words: 'words' });
  expect(textIn(channel)).toBe('frames on');
});

test('what is written before there is a container reaches it in order', async () => {
  const channel = new AttachedChannel();
  channel.write('one ');
  channel.write('two ');
  const [stream, engine] = duplexPair();
  const carried = channel.carry(stream, () => {});
  channel.write('three');
  let got = '';
  for await (const chunk of engine as AsyncIterable<Buffer>) {
    got += chunk.toString();
    if (got.length === 13) break;
  }
  expect(got).toBe('one two three');
  await carried;
});

test('a stream that is out of step is reported, and no byte of the rest is handed on', async () => {
  const channel = new AttachedChannel();
  const [stream, engine] = duplexPair();
  engine.end(Buffer.concat([engineFrame(1, 'good'), Buffer.from('not a header at all')]));
  expect(await channel.carry(stream, () => {})).toBe('attach stream: unknown stream 110');
  expect(textIn(channel)).toBe('good');
});

test('a reader that stops makes the container wait', async () => {
  const channel = new AttachedChannel();
  const [stream, engine] = duplexPair();
  const carried = channel.carry(stream, () => {});
  const piece = engineFrame(1, 'x'.repeat(8192));
  let accepted = 0;
  while (engine.write(piece) || accepted < 4) {
    accepted += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (accepted > 200) break;
  }
  expect(accepted).toBeLessThan(200);
  channel.resume();
  await once(engine, 'drain');
  engine.end();
  expect(await carried).toBeNull();
});

test('a channel that is closed while its container waits lets go of the stream', async () => {
  const channel = new AttachedChannel();
  const [stream, engine] = duplexPair();
  const carried = channel.carry(stream, () => {});
  for (let piece = 0; piece < 20; piece += 1) engine.write(engineFrame(1, 'x'.repeat(8192)));
  await new Promise((resolve) => setImmediate(resolve));
  channel.destroy();
  engine.end();
  expect(await carried).toBeNull();
});
