/** A real OIDC server (oidc-provider) that gives its one client JWT access tokens. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

const secret = 'a-secret-that-is-long-enough';
export const audience = 'https://sallyport.test';

export interface TokenWish {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly audience?: string;
  readonly lifetimeSeconds?: number;
}

export class OidcIssuer implements AsyncDisposable {
  readonly url: string;
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  /** Answers 503 to everything. */
  isDown = false;
  readonly #server: Server;
  #provider: RequestListener;
  #wish: TokenWish = {};

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#provider = this.#makeProvider();
    server.on('request', (request, response) => {
      this.asked.push(request.url ?? '');
      if (this.isDown) response.writeHead(503).end();
      else this.#provider(request, response);
    });
  }

  static async start(): Promise<OidcIssuer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OidcIssuer(server);
  }

  /** From now on tokens are signed by another key, and the one before is gone. */
  rotateKeys(): void {
    this.#provider = this.#makeProvider();
  }

  /** Subject: `agent`. */
  async token(wish: TokenWish = {}): Promise<string> {
    this.#wish = wish;
    const response = await fetch(`${this.url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`agent:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: wish.audience ?? audience }),
    });
    const body = (await response.json()) as { readonly access_token?: string };
    if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
    return body.access_token;
  }

  #makeProvider(): RequestListener {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
    const provider = new Provider(this.url, {
      jwks: { keys: [key] },
      clients: [
        {
          client_id: 'agent',
          client_secret: secret,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      extraTokenClaims: () => this.#wish.claims ?? {},
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context, resource) => ({
            scope: '',
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: this.#wish.lifetimeSeconds ?? 600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    });
    return provider.callback();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
