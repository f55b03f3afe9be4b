/** Servers on one database must have the same keys: each proves that it has them, and tells nothing else of them. */
import { createHmac } from 'node:crypto';
import { RecordUnavailable } from '../record.ts';
import { rowsOf } from './connection.ts';
import type { Session } from './connection.ts';

export interface SharedSecret {
  /** As its file in the data directory is called. */
  readonly name: string;
  readonly key: Uint8Array;
  /** One that was in use until now. */
  readonly previous?: Uint8Array | null;
}

/** The first server's are taken. Rejects with `RecordUnavailable` when another has others. */
export async function requireSharedSecrets(
  session: Session,
  secrets: readonly SharedSecret[],
): Promise<void> {
  for (const { name, key, previous } of secrets) {
    const proof = proofOf(name, key);
    const known = [proof, ...(previous === undefined || previous === null ? [] : [proofOf(name, previous)])];
    const [row] = await rowsOf(
      session,
      `INSERT INTO shared_secrets AS s (name, proof) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET proof = excluded.proof WHERE s.proof = ANY ($3) RETURNING name`,
      [name, proof, known],
    );
    if (row === undefined)
      throw new RecordUnavailable(
        `${name} is another one here than this database was used with: copy it from the data directory of the first server, or from the back-up. To go on without the old one, delete its row in shared_secrets.`,
      );
  }
}

function proofOf(name: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`sallyport shared secret ${name}`).digest('hex');
}
