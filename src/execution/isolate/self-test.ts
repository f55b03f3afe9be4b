/** Proof, before any call, that a confinement holds here: the worker itself tries what it must not be able to do. */
import type { Confinement } from './confinement.ts';
import { workerProgram } from './confinement.ts';
import { FrameDecoder, parseControl } from '../protocol/frame-decoder.ts';

/** A worker starts in about 0.1 s; a slow, busy machine gets this long. */
const selfTestMsMax = 15_000;
const lastWordsCharsMax = 500;

/** Why this confinement must not be used; null when it passed. */
export async function confinementObjection(
  confinement: Confinement,
  addonPath: string,
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const worker = confinement.launch(workerProgram(addonPath, 'probe'));
  const timer = setTimeout(
    () => resolve(`the self-test did not answer in ${selfTestMsMax} ms`),
    selfTestMsMax,
  );
  const decoder = new FrameDecoder(['ready']);
  worker.channel.on('error', () => {});
  worker.channel.on('data', (chunk: Buffer) => {
    const violation = decoder.decode(chunk, (frame) =>
      resolve(objectionTo(parseControl(frame)?.['breaches'])),
    );
    if (violation !== null) resolve(`the self-test answered with ${violation.detail}`);
  });
  void worker.ended.then(({ how, lastWords }) =>
    resolve(`a worker cannot be started: ${lastWords.trim().slice(0, lastWordsCharsMax) || how}`),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    worker.kill();
  }
}

function objectionTo(breaches: unknown): string | null {
  if (!Array.isArray(breaches)) return 'the self-test answered nonsense';
  return breaches.length === 0 ? null : `a confined worker ${breaches.map(String).join(', ')}`;
}
