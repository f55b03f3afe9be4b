/** The boundary of a test's own context: as the server makes it, with a key that everyone knows. */
import { createBoundary } from '../../src/boundary/boundary.ts';
import type { Boundary } from '../../src/boundary/boundary.ts';
import { ThreadedBoundary } from '../../src/boundary/threads/threaded-boundary.ts';

export function testBoundary(): { readonly boundary: Boundary; readonly filter: ThreadedBoundary } {
  const options = { redactionKey: Buffer.alloc(32, 7), knownSecrets: [] };
  const boundary = createBoundary(options);
  return { boundary, filter: new ThreadedBoundary({ boundary, current: () => options }) };
}
