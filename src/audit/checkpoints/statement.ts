/**
 * What a checkpoint signs: where every chain of the record stood. `FORMAT.md` specifies the bytes.
 * A statement that is read may have been written by anybody.
 */
import { canonicalJson } from '../canonical-json.ts';
import { isSignedBy } from './signing-key.ts';
import type { ChainHead } from '../chain.ts';
import type { JsonObject } from '../../model/json.ts';
import type { SigningKey } from './signing-key.ts';

/** Where the chain of one writer stood. */
export interface SignedHead extends ChainHead {
  readonly writer: string;
}

export interface Statement {
  readonly heads: readonly SignedHead[];
  /** The key that signs, 64 hex digits. */
  readonly key: string;
  /** Of a hand-over: the key that signs from now on. */
  readonly nextKey?: string;
  /** RFC 3339. */
  readonly time: string;
}

export interface SignedStatement {
  readonly statement: Statement;
  /** 128 hex digits. */
  readonly signature: string;
}

/** Signed before the canonical bytes, so that a signature is good for nothing else. */
const domain = 'sallyport checkpoint 1\n';

/** Chains in one statement. */
const headsMax = 100_000;

export function signStatement(statement: Omit<Statement, 'key'>, key: SigningKey): SignedStatement {
  const signed = { ...statement, key: key.publicKey };
  return { statement: signed, signature: key.sign(domain + canonicalJson(signed)) };
}

/** Whether the key that the statement names signed it. Whether that key is to be trusted is another question. */
export function isSigned({ statement, signature }: SignedStatement): boolean {
  return isSignedBy(statement.key, domain + canonicalJson(statement), signature);
}

/** As it stands in an event and in an anchor. */
export function statementJson({ statement, signature }: SignedStatement): JsonObject {
  return { statement: { ...statement, heads: statement.heads.map((head) => ({ ...head })) }, signature };
}

/** null for what is no signed statement. Members that are not known stay in it: they are signed as well. */
export function parseStatement(value: unknown): SignedStatement | null {
  if (!isObject(value) || !isHex(value['signature'], 128) || !isObject(value['statement'])) return null;
  const { heads, key, nextKey, time } = value['statement'];
  const isRight =
    Array.isArray(heads) &&
    heads.length <= headsMax &&
    heads.every(isHead) &&
    isHex(key, 64) &&
    (nextKey === undefined || isHex(nextKey, 64)) &&
    typeof time === 'string';
  return isRight ? (value as unknown as SignedStatement) : null;
}

function isHead(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value['writer'] === 'string' &&
    Number.isSafeInteger(value['sequence']) &&
    isHex(value['hash'], 64)
  );
}

/** Lower-case hex of a length. */
export function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
