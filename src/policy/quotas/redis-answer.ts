/** What Redis answers, in time or not, for everything that asks it. */

/** What is promised, or a rejection when it takes longer. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Why it did not answer. An error of several addresses has its words in its parts. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return wordsOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : 'it cannot be reached';
}
