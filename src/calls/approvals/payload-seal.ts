/**
 * Seals what a waiting call would run with. Trusted: the key, which is never in the database. Hostile: every stored
 * byte, and every fact that stands beside it: what was altered, exchanged or put back elsewhere does not open.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { canonicalJson } from '../../audit/canonical-json.ts';
import type { Approval } from '../../model/approval.ts';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
/** NIST SP 800-38D, 8.2.2: random nonces of 96 bits, for far fewer than 2^32 payloads a key. */
const nonceBytes = 12;
const tagBytes = 16;
/** First byte of a sealed payload: what follows is nonce, tag and ciphertext of this scheme. */
const version = 1;

export class PayloadSeal {
  readonly #key: Uint8Array;
  readonly #randomBytes: (size: number) => Uint8Array;

  /** Throws unless the key has 32 bytes. */
  constructor(key: Uint8Array, randomBytes: (size: number) => Uint8Array) {
    if (key.length !== keyBytes) throw new TypeError(`a sealing key has ${keyBytes} bytes`);
    this.#key = key;
    this.#randomBytes = randomBytes;
  }

  seal(approval: Approval, payload: Uint8Array): Uint8Array {
    const nonce = this.#randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(boundFacts(approval));
    const ciphertext = [cipher.update(payload), cipher.final()];
    return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), ...ciphertext]);
  }

  /** null for anything that was not sealed under this key with exactly these facts. */
  open(approval: Approval, sealed: Uint8Array): Uint8Array | null {
    const headBytes = 1 + nonceBytes + tagBytes;
    if (sealed[0] !== version || sealed.length < headBytes) return null;
    const nonce = sealed.subarray(1, 1 + nonceBytes);
    const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(boundFacts(approval));
    decipher.setAuthTag(sealed.subarray(1 + nonceBytes, headBytes));
    const plain = decipher.update(sealed.subarray(headBytes));
    try {
      return Buffer.concat([plain, decipher.final()]);
    } catch {
      return null;
    }
  }
}

/** Everything of an approval that must not change while it waits. */
function boundFacts(approval: Approval): Uint8Array {
  const { status: _status, settled: _settled, ...facts } = approval;
  return Buffer.from(`sallyport pending payload ${version}\n${canonicalJson(facts)}`);
}
