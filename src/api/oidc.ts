/**
 * Tokens of an OIDC issuer (OpenID Connect Discovery 1.0, RFC 9068): a signature by a key of the issuer, for this
 * audience, not expired. What a token may do is said here, not by the token: its roles are mapped to scopes.
 */
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Scope } from '../model/principal.ts';
import type { Identity, TokenVerifier } from './authenticate.ts';
import { Problem } from './problem.ts';

/** By public keys only: with a shared secret, whoever verifies could also sign. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** How far the issuer's clock and ours may be apart. */
const clockSkewSeconds = 30;
const fetchMsMax = 5000;
/** Keys are fetched anew after this, and for a token by a key that is not there, at most so often. */
const keysCachedMsMax = 600_000;
const keysFetchedMsMin = 30_000;
/** What discovery said holds so long; a failure is asked again after `keysFetchedMsMin`. */
const discoveryCachedMsMax = 3_600_000;
const principalCharsMax = 255;
const namePattern = /^[A-Za-z0-9_-]{1,64}$/;
const rolesMax = 64;

export interface OidcOptions {
  /** As it stands in the tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** Claim with a list of roles, or one text of roles separated by spaces; a path separated by dots. */
  readonly rolesClaim: string;
  /** Claim with the tenant; null: everybody is of the tenant `default`. */
  readonly tenantClaim: string | null;
  /** Which roles give a scope; `*` stands for any token. */
  readonly scopes: ReadonlyMap<Scope, readonly string[]>;
  readonly now: () => number;
  /** Default: 30 s. */
  readonly keysFetchedMsMin?: number;
  readonly logger: { warn(fields: object, message: string): void };
}

export class OidcVerifier implements TokenVerifier {
  readonly #options: OidcOptions;
  #keys: Promise<JWTVerifyGetKey> | null = null;
  #askAgainAtMs = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  readonly #fetchedMsMin: number;

  constructor(options: OidcOptions) {
    this.#options = options;
    this.#fetchedMsMin = options.keysFetchedMsMin ?? keysFetchedMsMin;
  }

  async verify(token: string): Promise<Identity | string> {
    const { issuer, audience, now } = this.#options;
    const keys = await this.#issuerKeys();
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        clockTolerance: clockSkewSeconds,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(now()),
      }));
    } catch (error) {
      return this.#whyNot(error);
    }
    return this.#identify(payload);
  }

  /** Discovery once, and again when it is old or failed a while ago. */
  #issuerKeys(): Promise<JWTVerifyGetKey> {
    const nowMs = this.#options.now();
    if (this.#keys === null || nowMs >= this.#askAgainAtMs) {
      this.#askAgainAtMs = nowMs + discoveryCachedMsMax;
      const before = this.#keys;
      const asked = this.#discover().catch((error: unknown) => {
        this.#askAgainAtMs = nowMs + this.#fetchedMsMin;
        if (before === null) throw error;
        // What was known holds on.
        return before;
      });
      asked.catch(() => {});
      this.#keys = asked;
    }
    return this.#keys;
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer } = this.#options;
    try {
      const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
      const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(fetchMsMax) });
      if (!response.ok) throw new Error(`discovery answered ${response.status}`);
      const found = (await response.json()) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
      if (found.issuer !== issuer) throw new Error('discovery names another issuer');
      const keysUrl = URL.parse(String(found.jwks_uri));
      // Keys that come in plain text could be anybody's; only an issuer that is asked in plain text may have them so.
      if (
        keysUrl === null ||
        (keysUrl.protocol !== 'https:' && keysUrl.protocol !== new URL(issuer).protocol)
      )
        throw new Error('discovery names no https:// URL of keys');
      return createRemoteJWKSet(keysUrl, {
        timeoutDuration: fetchMsMax,
        cacheMaxAge: keysCachedMsMax,
        cooldownDuration: this.#fetchedMsMin,
        [customFetch]: (from, options) => fetch(from, { ...options, redirect: 'error' }),
      });
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** Throws where it is not the token that is at fault. */
  #whyNot(error: unknown): string {
    if (error instanceof errors.JWTExpired) return 'The token has expired.';
    if (error instanceof errors.JWTClaimValidationFailed)
      return `The token's claim "${error.claim}" ${error.reason === 'missing' ? 'is missing' : 'does not fit'}.`;
    if (error instanceof errors.JOSEAlgNotAllowed)
      return 'The token is signed by an algorithm that is not allowed.';
    if (error instanceof errors.JWKSNoMatchingKey) return "The token's key is none of the issuer's.";
    if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)
      throw this.#unavailable(error);
    // What fetching the keys throws for an answer other than 200 is of the base class.
    if (error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC')
      return 'The token is not valid.';
    throw this.#unavailable(error);
  }

  #unavailable(error: unknown): Problem {
    const nowMs = this.#options.now();
    // Strangers can make this happen as often as they like.
    if (nowMs - this.#toldAtMs >= this.#fetchedMsMin) this.#tell(error, nowMs);
    return new Problem(
      'identity_unavailable',
      'The keys of the issuer of tokens cannot be had, so no token can be checked. Nothing was done; try again shortly.',
      {},
      { cause: error },
    );
  }

  #tell(error: unknown, nowMs: number): void {
    this.#toldAtMs = nowMs;
    this.#options.logger.warn(
      { err: error, issuer: this.#options.issuer },
      'the keys of the OIDC issuer cannot be had',
    );
  }

  #identify(payload: JWTPayload): Identity | string {
    const { issuer, rolesClaim, tenantClaim, scopes } = this.#options;
    const { sub = '', exp = 0 } = payload;
    const id = `oidc:${issuer}:${encodeURIComponent(sub.toWellFormed())}`;
    if (sub === '' || !sub.isWellFormed() || id.length > principalCharsMax)
      return `The token's subject must have 1 to ${principalCharsMax} characters together with its issuer.`;
    const tenant = tenantClaim === null ? 'default' : claimAt(payload, tenantClaim);
    if (typeof tenant !== 'string' || !namePattern.test(tenant))
      return `The token's claim ${tenantClaim} names no tenant (1 to 64 of A-Z a-z 0-9 _ -).`;
    const roles = rolesIn(claimAt(payload, rolesClaim));
    const isOf = (wanted: readonly string[]): boolean =>
      wanted.some((role) => role === '*' || roles.includes(role));
    return {
      principal: { id, tenant, roles, attributes: {} },
      keyId: `oidc_${createHash('sha256').update(id).digest('hex').slice(0, 16)}`,
      scopes: new Set([...scopes].filter(([, wanted]) => isOf(wanted)).map(([scope]) => scope)),
      tokenExpiresAtMs: (exp + clockSkewSeconds) * 1000,
    };
  }
}

/** Own members only: a path such as `__proto__.x` leads nowhere. */
function claimAt(payload: JWTPayload, path: string): unknown {
  // A claim may have dots in its own name (`https://example.com/roles`).
  if (Object.hasOwn(payload, path)) return payload[path];
  let at: unknown = payload;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** What policy cannot name is no role. */
function rolesIn(claim: unknown): readonly string[] {
  const listed: readonly unknown[] =
    typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  const roles = listed.filter((role): role is string => typeof role === 'string' && namePattern.test(role));
  return [...new Set(roles)].slice(0, rolesMax);
}
