/** Tells a person at a terminal that something still goes on, and for how long. Programs and files see nothing of it. */

export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** What is over by then needs no telling, milliseconds. */
const shownEveryMs = 1000;
const eraseLine = '\r\u001b[K';

/** `what` is ours, such as `verifying`. */
export async function withProgress<T>(
  what: string,
  work: () => T | Promise<T>,
  stream: ProgressStream = process.stderr,
): Promise<T> {
  if (stream.isTTY !== true) return await work();
  const startedAt = performance.now();
  let isShown = false;
  const timer = setInterval(() => {
    isShown = true;
    stream.write(`${eraseLine}${what} … ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }, shownEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (isShown) stream.write(eraseLine);
  }
}
