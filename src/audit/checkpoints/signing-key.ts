/** Ed25519 keys (RFC 8032) as they are kept and shown: 32 bytes, in hex where they are text. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** What stands before the 32 bytes in DER (RFC 8410, sections 4 and 7). */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export interface SigningKey {
  /** 64 hex digits. */
  readonly publicKey: string;
  /** 128 hex digits over the UTF-8 of the text. */
  readonly sign: (text: string) => string;
}

/** `seed`: 32 random bytes, the private key of RFC 8032. */
export function signingKey(seed: Uint8Array): SigningKey {
  const key = createPrivateKey({
    key: Buffer.concat([privatePrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: spki.subarray(publicPrefix.length).toString('hex'),
    sign: (text) => sign(null, Buffer.from(text), key).toString('hex'),
  };
}

/** `publicKey` and `signature` are hex of the right length; whether they are a key and a signature is found out here. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    return verify(null, Buffer.from(text), publicKeyObject(publicKey), Buffer.from(signature, 'hex'));
  } catch {
    return false;
  }
}

function publicKeyObject(publicKey: string): KeyObject {
  const der = Buffer.concat([publicPrefix, Buffer.from(publicKey, 'hex')]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}
