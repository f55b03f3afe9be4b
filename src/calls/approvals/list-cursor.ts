/**
 * Where a list of approvals goes on. Sealed: that place may be an approval which the reader must not know of. Hostile:
 * every cursor that comes back.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** `keyed` is a keyed hash of this deployment, 32 bytes in hex. */
export class ListCursor {
  readonly #key: Buffer;
  readonly #keyed: (text: string) => string;

  constructor(keyed: (text: string) => string) {
    this.#key = Buffer.from(keyed('approval list cursor'), 'hex');
    this.#keyed = keyed;
  }

  seal(id: string): string {
    // Another nonce for every id, the same for the same: nothing is learnt that equal cursors do not say.
    const nonce = Buffer.from(this.#keyed(`approval list nonce ${id}`), 'hex').subarray(0, nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    const ciphertext = [cipher.update(id), cipher.final()];
    return Buffer.concat([nonce, cipher.getAuthTag(), ...ciphertext]).toString('base64url');
  }

  /** null for anything that was not sealed here. */
  open(cursor: string): string | null {
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.length <= nonceBytes + tagBytes) return null;
    const decipher = createDecipheriv(algorithm, this.#key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    const plain = decipher.update(bytes.subarray(nonceBytes + tagBytes));
    try {
      return Buffer.concat([plain, decipher.final()]).toString();
    } catch {
      return null;
    }
  }
}
