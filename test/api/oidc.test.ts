import { createHmac, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OidcVerifier } from '../../src/api/oidc.ts';
import type { OidcOptions } from '../../src/api/oidc.ts';
import type { Scope } from '../../src/model/principal.ts';
import { audience, OidcIssuer } from '../support/oidc-issuer.ts';
import type { TokenWish } from '../support/oidc-issuer.ts';
import { refundDirectory } from '../support/refund-policy.ts';
import { startServer } from '../support/server.ts';
import type { Answer, TestServer } from '../support/server.ts';

const directory = refundDirectory();
let issuer: OidcIssuer;
let server: TestServer;
let agent = '';
beforeAll(async () => {
  issuer = await OidcIssuer.start();
  server = await startServer({
    policyDir: directory,
    environment: {
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      SALLYPORT_OIDC_ISSUER: issuer.url,
      SALLYPORT_OIDC_AUDIENCE: audience,
      SALLYPORT_OIDC_ROLES_CLAIM: 'realm.roles',
      SALLYPORT_OIDC_TENANT_CLAIM: 'org',
      SALLYPORT_OIDC_SCOPES: 'call=*,approve=lead,audit=auditor|security',
    },
  });
  agent = `oidc:${issuer.url}:agent`;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const of = (org: string, ...roles: string[]): TokenWish => ({ claims: { org, realm: { roles } } });

function pay(token: string, cents = 500): Promise<Answer> {
  return server.request('POST', '/v1/calls', { key: token, body: { tool: 'refund', args: { cents } } });
}

describe('a token of the issuer', () => {
  test('is its principal, with the tenant and the roles that it names', async () => {
    const answer = await pay(await issuer.token(of('acme', 'analyst')));
    expect(answer).toMatchObject({ status: 200, body: { status: 'succeeded', result: { paid: 500 } } });
    const { body } = await server.request('GET', `/v1/audit/events?principal=${encodeURIComponent(agent)}`, {
      key: await issuer.token(of('acme', 'security')),
    });
    expect(body.items).toContainEqual(
      expect.objectContaining({ type: 'intent', principal: agent, tenant: 'acme' }),
    );
  });

  test('may what its roles are mapped to, and nothing more', async () => {
    const key = await issuer.token(of('acme', 'analyst'));
    expect(await server.request('GET', '/v1/audit/events', { key })).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
    // What the token itself says of scopes is not asked for.
    const claims = { org: 'acme', scope: 'admin audit', scopes: ['admin'] };
    const boasting = await issuer.token({ claims });
    expect((await server.request('GET', '/v1/keys', { key: boasting })).status).toBe(403);
  });

  test('sees nothing of another tenant', async () => {
    const { body } = await pay(await issuer.token(of('acme')));
    const other = await issuer.token(of('umbrella', 'auditor'));
    expect((await server.request('GET', `/v1/calls/${body.id}`, { key: other })).status).toBe(404);
  });

  test.each([
    [{}, 'names no tenant'],
    [{ claims: { org: 'no spaces' } }, 'names no tenant'],
    [{ ...of('acme'), audience: 'https://elsewhere.test' }, '"aud" does not fit'],
  ])('%j is refused: %s', async (wish, why) => {
    const { status, body, headers } = await pay(await issuer.token(wish));
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthenticated' });
    expect(body.detail).toContain(why);
    expect(headers.get('www-authenticate')).toContain('Bearer');
  });
});

describe('forged tokens', () => {
  const claims = { org: 'acme', realm: { roles: ['lead'] } };
  const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payloadOf = (): object => {
    const now = Math.floor(Date.now() / 1000);
    return { ...claims, iss: issuer.url, aud: audience, sub: 'agent', iat: now, exp: now + 600 };
  };

  test('unsigned', async () => {
    for (const signature of ['', 'AA']) {
      const token = `${base64({ alg: 'none' })}.${base64(payloadOf())}.${signature}`;
      expect((await pay(token)).status).toBe(401);
    }
  });

  test('signed with the public key as if it were a shared secret', async () => {
    const { keys } = (await (await fetch(`${issuer.url}/jwks`)).json()) as {
      keys: { n: string; kid: string }[];
    };
    const signed = `${base64({ alg: 'HS256', kid: keys[0]?.kid })}.${base64(payloadOf())}`;
    const forged = `${signed}.${createHmac('sha256', keys[0]?.n ?? '')
      .update(signed)
      .digest('base64url')}`;
    const { status, body } = await pay(forged);
    expect(status).toBe(401);
    expect(body.detail).toContain('algorithm');
  });

  test('signed with a key that it brings along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = publicKey.export({ format: 'jwk' });
    const forged = await new SignJWT(payloadOf() as never)
      .setProtectedHeader({ alg: 'RS256', jwk, kid: 'mine' })
      .sign(privateKey);
    expect((await pay(forged)).body.detail).toContain("none of the issuer's");
  });

  test('altered', async () => {
    const [head, , signature] = (await issuer.token(of('acme'))).split('.');
    expect((await pay(`${head}.${base64(payloadOf())}.${signature}`)).status).toBe(401);
  });
});

describe('approvals', () => {
  test('one by a token approves what another asked for', async () => {
    const asking = await issuer.token(of('acme'));
    const { body } = await pay(asking, 5000);
    expect(body.status).toBe('pending_approval');
    const own = await issuer.token(of('acme', 'lead'));
    const decision = { decision: 'approve', reason: 'agreed' };
    const path = `/v1/approvals/${body.approval.id}`;
    // The same principal, whatever its token says by now.
    expect((await server.request('POST', path, { key: own, body: decision })).status).toBe(403);
    const mia = await server.keyFor('mia', ['lead'], ['approve'], 'acme');
    expect((await server.request('POST', path, { key: mia, body: decision })).status).toBe(200);
    let call = await server.request('GET', `/v1/calls/${body.id}`, { key: asking });
    while (call.body.status === 'running' || call.body.status === 'pending_approval')
      call = await server.request('GET', `/v1/calls/${body.id}`, { key: asking });
    expect(call.body).toMatchObject({ status: 'succeeded', result: { paid: 5000 } });
  });
});

describe('the keys of the issuer', () => {
  const options = (url: string, more: Partial<OidcOptions> = {}): OidcOptions => ({
    issuer: url,
    audience,
    rolesClaim: 'roles',
    tenantClaim: null,
    scopes: new Map<Scope, readonly string[]>([['call', ['*']]]),
    now: () => Date.now(),
    logger: { warn: () => {} },
    ...more,
  });

  test('clocks may be half a minute apart', async () => {
    const token = await issuer.token({ lifetimeSeconds: 60 });
    const issuedAtMs = Date.now();
    for (const [laterMs, answer] of [
      [85_000, { scopes: new Set(['call']) }],
      [95_000, 'The token has expired.'],
    ] as const) {
      const verifier = new OidcVerifier(options(issuer.url, { now: () => issuedAtMs + laterMs }));
      const verified = await verifier.verify(token);
      if (typeof answer === 'string') expect(verified).toBe(answer);
      else expect(verified).toMatchObject(answer);
    }
  });

  test.each(['\ud800', 'x'.repeat(300), ''])(
    'a subject that cannot be written down is refused: %j',
    async (sub) => {
      // No OIDC server gives such a token: this one is signed with a key of the test's own.
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const answers: Record<string, object> = {};
      const own = createServer((request, response) =>
        response.end(JSON.stringify(answers[request.url ?? ''])),
      );
      own.listen(0, '127.0.0.1');
      await once(own, 'listening');
      const url = `http://127.0.0.1:${(own.address() as AddressInfo).port}`;
      answers['/.well-known/openid-configuration'] = { issuer: url, jwks_uri: `${url}/keys` };
      answers['/keys'] = { keys: [publicKey.export({ format: 'jwk' })] };
      const token = (subject: string): Promise<string> =>
        new SignJWT({ sub: subject })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer(url)
          .setAudience(audience)
          .setExpirationTime('5m')
          .sign(privateKey);
      const verifier = new OidcVerifier(options(url));
      expect(await verifier.verify(await token('auth0|17'))).toMatchObject({
        principal: { id: `oidc:${url}:auth0%7C17` },
      });
      expect(await verifier.verify(await token(sub))).toContain('subject');
      own.closeAllConnections();
      own.close();
    },
  );

  test('are fetched once, and again for a token by a new key', async () => {
    await using other = await OidcIssuer.start();
    const verifier = new OidcVerifier(options(other.url, { keysFetchedMsMin: 0 }));
    const first = await other.token();
    expect(await verifier.verify(first)).toMatchObject({ principal: { tenant: 'default' } });
    expect(await verifier.verify(await other.token())).toMatchObject({ principal: { roles: [] } });
    expect(other.asked.filter((path) => path === '/jwks').length).toBe(1);
    other.rotateKeys();
    expect(await verifier.verify(await other.token())).toMatchObject({ scopes: new Set(['call']) });
    expect(await verifier.verify(first)).toBe("The token's key is none of the issuer's.");
  });

  test('tokens by keys that are not there do not have them fetched again and again', async () => {
    await using other = await OidcIssuer.start();
    const verifier = new OidcVerifier(options(other.url));
    await verifier.verify(await other.token());
    other.rotateKeys();
    const token = await other.token();
    for (let at = 0; at < 20; at += 1) expect(await verifier.verify(token)).toContain('none of the issuer');
    expect(other.asked.filter((path) => path === '/jwks').length).toBeLessThanOrEqual(2);
  });

  test('that were had hold on while discovery fails', async () => {
    await using other = await OidcIssuer.start();
    const token = await other.token({ lifetimeSeconds: 9000 });
    let nowMs = Date.now();
    const verifier = new OidcVerifier(options(other.url, { now: () => nowMs }));
    expect(await verifier.verify(token)).toMatchObject({ scopes: new Set(['call']) });
    other.isDown = true;
    nowMs += 3_700_000;
    expect(await verifier.verify(token)).toMatchObject({ scopes: new Set(['call']) });
    expect(other.asked.filter((path) => path.startsWith('/.well-known')).length).toBe(2);
  });

  test('that cannot be had are the fault of no token, and had as soon as they are there', async () => {
    await using other = await OidcIssuer.start();
    const token = await other.token();
    let nowMs = Date.now();
    const verifier = new OidcVerifier(options(other.url, { now: () => nowMs }));
    other.isDown = true;
    for (let at = 0; at < 20; at += 1)
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'identity_unavailable' });
    expect(other.asked.filter((path) => path.startsWith('/.well-known')).length).toBe(1);
    other.isDown = false;
    nowMs += 31_000;
    expect(await verifier.verify(token)).toMatchObject({ principal: { id: `oidc:${other.url}:agent` } });
  });
});
