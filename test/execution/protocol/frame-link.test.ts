import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { FrameLink } from '../../../src/execution/protocol/frame-link.ts';

const mebibyte = 1024 * 1024;

test('large arguments leave piece by piece, and small ones are not behind them', async () => {
  const [near, far] = duplexPair();
  const link = new FrameLink(near, {
    allowed: [],
    creditBytes: 4 * mebibyte,
    onFrame: () => {},
    onClosed: () => {},
  });
  const large = link.sendData('args', 1, new Uint8Array(2 * mebibyte));
  expect(await link.sendData('args', 2, new Uint8Array(1024))).toBe(true);
  expect(near.writableLength).toBeLessThan(mebibyte / 2);
  far.resume();
  expect(await large).toBe(true);
  link.close('it is over');
});
