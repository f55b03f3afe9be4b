/** As far as the tests use it; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  export class Provider {
    constructor(
      issuer: string,
      configuration: {
        readonly jwks: { readonly keys: readonly object[] };
        readonly clients: readonly object[];
        readonly extraTokenClaims: () => object;
        readonly features: {
          readonly devInteractions: { readonly enabled: boolean };
          readonly clientCredentials: { readonly enabled: boolean };
          readonly resourceIndicators: {
            readonly enabled: boolean;
            readonly getResourceServerInfo: (context: unknown, resource: string) => object;
          };
        };
      },
    );
    callback(): RequestListener;
  }
}
