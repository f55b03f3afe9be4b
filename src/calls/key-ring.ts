/** API keys: made, listed, revoked, each change on the record with the change itself. */
import { createHash, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ApiKey, EventDraft, RecordStore } from '../audit/record.ts';
import type { JsonObject } from '../model/json.ts';
import type { Caller, Scope } from '../model/principal.ts';
import type { Clock } from './call-context.ts';

/** What a new key is for. */
export interface NewKey {
  readonly principal: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  /** Without: none. */
  readonly attributes?: Readonly<JsonObject>;
  readonly scopes: readonly Scope[];
  readonly expiresInMs?: number;
}

export type KeyCreation =
  | { readonly kind: 'created'; readonly key: ApiKey; readonly secret: string }
  /** The principal exists with another tenant, other roles or attributes: one principal has one of each. */
  | { readonly kind: 'mismatch'; readonly detail: string };

export interface KeyRingOptions {
  readonly record: Pick<RecordStore, 'write' | 'listKeys' | 'getKey'>;
  readonly clock: Clock;
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  /** Ends when the creation before has: two at once would not see each other's principal. */
  #created: Promise<unknown> = Promise.resolve();

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  list(): Promise<readonly ApiKey[]> {
    return this.#options.record.listKeys();
  }

  /** Makes a key with a random id. `by` is null when the server itself makes it. */
  create(by: Caller | null, wanted: NewKey): Promise<KeyCreation> {
    const created = this.#created.then(() => this.#createNext(by, wanted));
    this.#created = created.catch(() => {});
    return created;
  }

  async #createNext(by: Caller | null, wanted: NewKey): Promise<KeyCreation> {
    const keys = await this.list();
    const other = keys.find((key) => key.principal === wanted.principal && key.revokedAtMs === null);
    if (other !== undefined && !isSamePrincipal(other, wanted)) {
      return {
        kind: 'mismatch',
        detail: `Principal ${wanted.principal} exists in tenant ${other.tenant} with roles ${other.roles.join(', ') || 'none'} and attributes ${JSON.stringify(other.attributes)}; a principal has one tenant, one role set and one set of attributes.`,
      };
    }
    return this.install(by, randomId(), randomSecret(), wanted);
  }

  /** Stores a key under a given id and secret, replacing one of the same id. */
  async install(by: Caller | null, id: string, secretPart: string, wanted: NewKey): Promise<KeyCreation> {
    const { expiresInMs, attributes = {}, ...fields } = wanted;
    const now = this.#options.clock.now();
    const secret = `spk_${id}_${secretPart}`;
    const key: ApiKey = {
      id,
      ...fields,
      attributes,
      secretHash: createHash('sha256').update(secret).digest('hex'),
      createdAtMs: now,
      expiresAtMs: expiresInMs === undefined ? null : now + expiresInMs,
      revokedAtMs: null,
    };
    const details = {
      keyId: id,
      principal: key.principal,
      tenant: key.tenant,
      roles: [...key.roles],
      attributes: { ...attributes },
      scopes: [...key.scopes],
    };
    await this.#options.record.write({
      events: [{ type: 'key_created', ...actor(by), tenant: key.tenant, details }],
      keys: [key],
    });
    return { kind: 'created', key, secret };
  }

  /** False when there is no such key, or it was revoked before. */
  async revoke(by: Caller, id: string): Promise<boolean> {
    const key = await this.#options.record.getKey(id);
    if (key === null || key.revokedAtMs !== null) return false;
    await this.#options.record.write({
      events: [
        {
          type: 'key_revoked',
          ...actor(by),
          tenant: key.tenant,
          details: { keyId: id, principal: key.principal },
        },
      ],
      revokedKeys: [{ id, atMs: this.#options.clock.now() }],
    });
    return true;
  }
}

function isSamePrincipal(key: ApiKey, wanted: NewKey): boolean {
  const sameRoles = key.roles.toSorted().join('\n') === [...wanted.roles].toSorted().join('\n');
  return (
    key.tenant === wanted.tenant && sameRoles && isDeepStrictEqual(key.attributes, wanted.attributes ?? {})
  );
}

/** The members of an event that say who did it. */
export function actor(
  caller: Caller | null,
): Pick<EventDraft, 'principal' | 'key' | 'act' | 'requestId' | 'address' | 'traceId'> {
  return caller === null ? {} : { ...withoutAddress(caller), address: caller.address };
}

/** For events whose content is not to be more than there is about a call already: an erasure would never come to its end. */
export function withoutAddress(
  caller: Caller,
): Pick<EventDraft, 'principal' | 'key' | 'act' | 'requestId' | 'traceId'> {
  return {
    principal: caller.principal.id,
    key: caller.keyId,
    ...(caller.act === undefined ? {} : { act: caller.act }),
    requestId: caller.requestId,
    traceId: caller.traceId,
  };
}

const idAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

function randomId(): string {
  return Array.from(randomBytes(12), (byte) => idAlphabet[byte % idAlphabet.length]).join('');
}

/** 256 bits, base64url: 43 characters. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}
