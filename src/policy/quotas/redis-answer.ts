/** What Redis has to say for itself when it does not answer, for everything that asks it. */

/** Why it did not answer. An error of several addresses has its words in its parts. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return wordsOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : 'it cannot be reached';
}
